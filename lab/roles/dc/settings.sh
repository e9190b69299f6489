# Write /etc/samba/smb.conf of the domain controller. Sourced by prepare.sh and start.sh.
#
# Reads: LAB_REALM, LAB_NETBIOS, LAB_SMB_MIN_PROTOCOL, LAB_SMB_SIGNING, LAB_LDAP_STRONG_AUTH.
write_settings() {
    realm_lower=$(printf %s "$LAB_REALM" | tr '[:upper:]' '[:lower:]')
    cat > /etc/samba/smb.conf <<CONF
[global]
    netbios name = $(hostname | tr '[:lower:]' '[:upper:]')
    realm = $LAB_REALM
    workgroup = $LAB_NETBIOS
    server role = active directory domain controller
    # No DNS updates, printing or replication partner here: fewer processes, same directory.
    server services = s3fs, rpc, ldap, cldap, kdc, winbindd, dns
    dns forwarder = ${LAB_DNS_FORWARDER:-127.0.0.1}
    interfaces = lo eth0
    bind interfaces only = yes
    server min protocol = $LAB_SMB_MIN_PROTOCOL
    server signing = $LAB_SMB_SIGNING
    ldap server require strong auth = $LAB_LDAP_STRONG_AUTH
    tls enabled = yes
    tls keyfile = /run/samba-tls/key.pem
    tls certfile = /run/samba-tls/cert.pem
    tls cafile = /run/samba-tls/ca.pem
    load printers = no
    printing = bsd
    printcap name = /dev/null
    logging = file
    log file = /var/log/samba/log.%m
[sysvol]
    path = /var/lib/samba/sysvol
    read only = no
[netlogon]
    path = /var/lib/samba/sysvol/$realm_lower/scripts
    read only = no
CONF
    mkdir -p /run/samba-tls
    cp /srv/lab/pki/ca.pem /run/samba-tls/ca.pem
    cp "/srv/lab/pki/$LAB_HOST.pem" /run/samba-tls/cert.pem
    cp "/srv/lab/pki/$LAB_HOST.key" /run/samba-tls/key.pem
    # Samba refuses a private key that others may read.
    chmod 0600 /run/samba-tls/key.pem
}
