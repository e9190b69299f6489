#!/bin/sh
# Postfix as an Internet mail exchanger, in the foreground. It accepts for its own domains and relays for nobody.
#
# Reads: LAB_NAME, LAB_DOMAINS, LAB_STARTTLS (yes|no), LAB_TLS_MIN (TLSv1, TLSv1.2), LAB_HOST.
set -eu
queue=/var/spool/postfix
mkdir -p "$queue"
rm -rf /etc/postfix/main.cf "$queue"/pid/*
cp /etc/postfix/master.cf.proto /etc/postfix/master.cf
cat > /etc/postfix/main.cf <<CONF
compatibility_level = 3.6
queue_directory = $queue
maillog_file = /dev/stdout
inet_interfaces = all
inet_protocols = ipv4
myhostname = $LAB_NAME
mydestination = localhost
relay_domains =
virtual_mailbox_domains = $LAB_DOMAINS
virtual_transport = discard:
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
CONF
if [ "$LAB_STARTTLS" = yes ]; then
    cp "/srv/lab/pki/$LAB_HOST.pem" /etc/postfix/cert.pem
    cp "/srv/lab/pki/$LAB_HOST.key" /etc/postfix/key.pem
    cat >> /etc/postfix/main.cf <<CONF
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_tls_protocols = >=$LAB_TLS_MIN
smtpd_tls_session_cache_database =
CONF
    if [ "$LAB_TLS_MIN" = TLSv1 ]; then
        # Debian's OpenSSL refuses TLS 1.0 at its default security level; an old server would not.
        cat >> /etc/postfix/main.cf <<CONF
tls_medium_cipherlist = ALL:@SECLEVEL=0
smtpd_tls_ciphers = medium
CONF
        sed -i 's/^\[system_default_sect\]/&\nOptions = UnsafeLegacyRenegotiation/; s/^MinProtocol.*/MinProtocol = TLSv1/; s/SECLEVEL=[12]/SECLEVEL=0/' \
            /etc/ssl/openssl.cnf
    fi
else
    echo 'smtpd_tls_security_level = none' >> /etc/postfix/main.cf
fi
postfix set-permissions >/dev/null 2>&1 || true
exec postfix start-fg
