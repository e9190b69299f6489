"""One ordinary export of each format, with a place for a password. Formats follow published ones; all names are invented."""

from __future__ import annotations

import json

PASSWORD = "Tilleuls-2024-wifi"
"""Stands in every export; replaced by the tests, never to be found in facts."""

HOSTAPD = f"""# borne du rez-de-chaussee
interface=wlan0
driver=nl80211
hw_mode=g
channel=6
country_code=FR
bssid=02:00:00:bb:00:01
ssid=Tilleuls-Pro
wpa=2
wpa_key_mgmt=WPA-EAP WPA-EAP-SHA256
rsn_pairwise=CCMP
ieee80211w=2
ieee8021x=1
auth_server_addr=10.0.0.5
auth_server_shared_secret=secretradius
wps_state=0
bss=wlan0_1
bssid=02:00:00:bb:00:02
ssid=Residents
wpa=3
wpa_key_mgmt=WPA-PSK SAE
wpa_pairwise=TKIP
rsn_pairwise=CCMP
wpa_passphrase={PASSWORD}
ieee80211w=1
sae_require_mfp=1
ap_isolate=1
wps_state=2
ap_setup_locked=1
ignore_broadcast_ssid=1
transition_disable=0x01
wpa_disable_eapol_key_retries=1
bss=wlan0_2
ssid=Visiteurs
"""
OPENWRT = f"""
config wifi-device 'radio0'
\toption type 'mac80211'
\toption band '5g'
\toption channel '36'

config wifi-iface 'default_radio0'
\toption device 'radio0'
\toption network 'pro'
\toption mode 'ap'
\toption ssid 'Tilleuls-Pro'
\toption encryption 'sae-mixed'
\toption key '{PASSWORD}'
\toption isolate '1'
\toption macaddr '02:00:00:bb:00:03'

config wifi-iface
\toption device 'radio0'
\toption mode 'ap'
\toption ssid 'Visiteurs'
\toption encryption 'none'
\toption disabled '1'
\toption hidden '1'
"""
UCI = f"""wireless.radio0=wifi-device
wireless.radio0.band='2g'
wireless.radio0.channel='11'
wireless.@wifi-iface[0]=wifi-iface
wireless.@wifi-iface[0].device='radio0'
wireless.@wifi-iface[0].mode='ap'
wireless.@wifi-iface[0].network='residents'
wireless.@wifi-iface[0].ssid='L'\\''Accueil'
wireless.@wifi-iface[0].encryption='psk2+tkip+ccmp'
wireless.@wifi-iface[0].key='{PASSWORD}'
wireless.@wifi-iface[0].wps_pushbutton='1'
network.residents=interface
network.residents.device='br-lan.30'
"""
UNIFI = json.dumps(
    {
        "data": [
            {
                "_id": "w1",
                "name": "Tilleuls-Pro",
                "enabled": True,
                "security": "wpaeap",
                "wpa_mode": "wpa2",
                "wpa_enc": "ccmp",
                "pmf_mode": "optional",
                "networkconf_id": "n1",
                "x_iapp_key": "00112233",
                "hide_ssid": False,
            },
            {
                "_id": "w2",
                "name": "Residents",
                "enabled": True,
                "security": "wpapsk",
                "wpa_mode": "wpa2",
                "wpa_enc": "ccmp",
                "wpa3_support": True,
                "wpa3_transition": True,
                "pmf_mode": "optional",
                "x_passphrase": PASSWORD,
                "l2_isolation": True,
                "vlan_enabled": True,
                "vlan": "30",
                "hide_ssid": True,
            },
            {
                "_id": "w3",
                "name": "Visiteurs",
                "enabled": False,
                "security": "open",
                "is_guest": True,
                "wlangroup_id": "g",
            },
        ],
        "networks": [{"_id": "n1", "purpose": "corporate", "vlan_enabled": True, "vlan": 10}],
        "settings": [{"key": "guest_access", "portal_enabled": True, "auth": "hotspot"}],
        "devices": [
            {
                "version": "6.5.28.14491",
                "vap_table": [
                    {"essid": "Tilleuls-Pro", "bssid": "02:00:00:bb:00:04", "radio": "na", "channel": 44},
                    {"essid": "Residents", "bssid": "02:00:00:bb:00:05", "radio": "ng", "channel": 1},
                ],
            }
        ],
    },
    indent=1,
)
OMADA = json.dumps(
    {
        "errorCode": 0,
        "result": {
            "data": [
                {
                    "id": "1",
                    "name": "Residents",
                    "band": 3,
                    "security": 3,
                    "broadcast": True,
                    "guestNetEnable": True,
                    "vlanEnable": True,
                    "vlanId": 30,
                    "pmfMode": 3,
                    "portalEnable": False,
                    "pskSetting": {"securityKey": PASSWORD, "versionPsk": 2, "encryptionPsk": 3},
                },
                {
                    "id": "2",
                    "name": "Tilleuls-Pro",
                    "band": 3,
                    "security": 2,
                    "broadcast": False,
                    "guestNetEnable": False,
                    "vlanSetting": {"mode": 1, "customConfig": {"vlanId": 10}},
                    "pmfMode": 1,
                    "entSetting": {"versionEnt": 4, "encryptionEnt": 3},
                },
            ]
        },
    }
)
OMADA_CSV = f"SSID Name,Security,Password,VLAN ID,Guest Network,Portal,Broadcast\nResidents,WPA2-PSK,{PASSWORD},30,Enable,Disable,Enable\n"
ARUBA = f"""version 8.6.0.0-8.6.0
virtual-controller-country FR
telnet-server
wlan ssid-profile pro
 enable
 index 0
 type employee
 essid "Tilleuls-Pro"
 opmode wpa2-aes
 max-authentication-failures 0
 vlan 10
 auth-server ISE
 mfp-capable
 captive-portal disable
wlan ssid-profile Residents
 enable
 type guest
 essid Residents
 wpa-passphrase {PASSWORD}
 opmode wpa3-sae-aes
 vlan 30
 deny-inter-user-bridging
 hide-ssid
 captive-portal internal
wlan access-rule pro
 rule any any match any any any permit
"""
MERAKI = json.dumps(
    [
        {
            "number": 0,
            "name": "Tilleuls-Pro",
            "enabled": True,
            "splashPage": "None",
            "ssidAdminAccessible": True,
            "authMode": "8021x-radius",
            "encryptionMode": "wpa-eap",
            "wpaEncryptionMode": "WPA3 Transition Mode",
            "ipAssignmentMode": "Bridge mode",
            "useVlanTagging": True,
            "defaultVlanId": 10,
            "lanIsolationEnabled": False,
            "visible": True,
        },
        {
            "number": 1,
            "name": "Residents",
            "enabled": True,
            "splashPage": "Click-through splash page",
            "ssidAdminAccessible": False,
            "authMode": "psk",
            "encryptionMode": "wpa",
            "wpaEncryptionMode": "WPA1 and WPA2",
            "psk": PASSWORD,
            "dot11w": {"enabled": False, "required": False},
            "ipAssignmentMode": "NAT mode",
            "visible": False,
        },
        {"number": 2, "name": "Unconfigured SSID 3", "enabled": False, "splashPage": "None", "authMode": "open"},
    ],
    indent=1,
)
AIREOS = """(Cisco Controller) >show run-config

Product Version.................................. 8.10.185.0
Telnet........................................... Disable
Secure Web Mode.................................. Enable
Mgmt Via Wireless Interface...................... Enable

Interface Name................................... pro
MAC Address...................................... 02:00:00:00:00:01
VLAN............................................. 10

WLAN Identifier.................................. 1
Profile Name..................................... pro
Network Name (SSID).............................. Tilleuls-Pro
Status........................................... Enabled
MAC Filtering.................................... Disabled
Broadcast SSID................................... Enabled
AAA Policy Override.............................. Disabled
Interface........................................ pro
Peer-to-Peer Blocking Action..................... Drop
Security
   802.11 Authentication:........................ Open System
   FT Support.................................... Disabled
   Static WEP Keys............................... Disabled
   802.1X........................................ Disabled
   Wi-Fi Protected Access (WPA/WPA2)............. Enabled
      WPA (SSN IE)............................... Disabled
      WPA2 (RSN IE).............................. Enabled
         TKIP Cipher............................. Disabled
         AES Cipher.............................. Enabled
                                                               Auth Key Management
         802.1x.................................. Enabled
         PSK..................................... Disabled
         CCKM.................................... Disabled
         FT-1X(802.11r).......................... Disabled
         PMF-1X(802.11w)......................... Disabled
      FT Reassociation Timeout................... 20
      FT Over-The-DS mode........................ Enabled
   PMF........................................... Optional
   Web Based Authentication...................... Disabled
WLAN Identifier.................................. 2
Profile Name..................................... Residents
Network Name (SSID).............................. Residents
Status........................................... Disabled
Broadcast SSID................................... Disabled
Interface........................................ management
Peer-to-Peer Blocking Action..................... Disabled
Security
   Static WEP Keys............................... Disabled
   Wi-Fi Protected Access (WPA/WPA2)............. Disabled
   Web Based Authentication...................... Enabled
Cisco AP Name.................................... AP1
Status........................................... Enabled
"""
AIREOS_COMMANDS = f"""config interface create residents 30
config wlan create 1 pro Tilleuls-Pro
config wlan security pmf optional 1
config wlan security wpa akm pmf 802.1x enable 1
config wlan peer-blocking drop 1
config wlan enable 1
config wlan create 2 Residents Residents
config wlan interface 2 residents
config wlan security wpa akm 802.1x disable 2
config wlan security wpa akm psk enable 2
config wlan security wpa akm psk set-key ascii {PASSWORD} 2
config wlan broadcast-ssid disable 2
config wlan enable 2
config wlan create 3 Visiteurs Visiteurs
config wlan security wpa disable 3
config wlan security web-auth enable 3
"""
SHOW_WLAN = """WLAN Profile Name     : residents
================================================
Identifier                                     : 5
Description                                    :
Network Name (SSID)                            : Residents
Status                                         : Enabled
Broadcast SSID                                 : Enabled
Peer-to-Peer Blocking Action                   : Disabled
Security
    802.11 Authentication                      : Open System
    Static WEP Keys                            : Disabled
    Wi-Fi Protected Access (WPA/WPA2/WPA3)     : Enabled
        WPA (SSN IE)                           : Disabled
        WPA2 (RSN IE)                          : Enabled
            MPSK                               : Disabled
            AES Cipher                         : Enabled
            CCMP256 Cipher                     : Disabled
        WPA3 (WPA3 IE)                         : Enabled
            AES Cipher                         : Enabled
        Auth Key Management
            802.1x                             : Disabled
            PSK                                : Enabled
            FT dot1x                           : Disabled
            Dot1x-SHA256                       : Disabled
            SAE                                : Enabled
    PMF Support                                : Optional
    Web Based Authentication                   : Disabled
"""
IOSXE = f"""version 17.9
hostname WLC1
vlan 30
 name vlan-residents
!
ip http secure-server
wireless profile policy PP-RES
 vlan vlan-residents
 no shutdown
wireless profile policy PP-PRO
 vlan 10
 no shutdown
wireless tag policy TAG1
 wlan pro policy PP-PRO
 wlan "wl residents" policy PP-RES
wlan pro 1 Tilleuls-Pro
 security wpa akm dot1x-sha256
 security dot1x authentication-list ISE
 security pmf optional
 peer-blocking drop
 no shutdown
wlan "wl residents" 2 "Les Residents"
 no broadcast-ssid
 no security ft
 no security wpa akm dot1x
 security wpa akm psk
 security wpa psk set-key ascii 0 {PASSWORD}
 no shutdown
wlan visiteurs 3 Visiteurs
 no security ft
 no security wpa
 no security wpa wpa2
 no security wpa akm dot1x
 security web-auth
 security web-auth parameter-map global
line vty 0 4
 transport input ssh
"""
RUCKUS = f"""ruckus# show wlan all
WLAN Service:
  ID:
    1:
      NAME = Pro
      Beacon Interval = 100ms
      SSID = Tilleuls-Pro
      Description = reseau du personnel
      Type = Standard Usage
      Authentication = 802.1x-eap
      Encryption = wpa2
      Algorithm = aes
      Passphrase =
      802.11w MFP = Disabled
      Web Authentication = Disabled
      Isolation per AP = Disabled
      Isolation across AP = Disabled
      VLAN-ID = 10
      Dynamic VLAN = Enabled
      Closed System = Disabled
    2:
      NAME = Residents
      SSID = Residents
      Type = Guest Access
      Authentication = open
      Encryption = wpa23-mixed
      Algorithm = aes
      Passphrase = {PASSWORD}
      SAE Passphrase = {PASSWORD}
      Isolation per AP = Enabled
      Isolation across AP = Enabled
      Dynamic PSK = Disabled
      VLAN-ID = 30
      Closed System = Enabled
ruckus#
"""
SMARTZONE = json.dumps(
    {
        "list": [
            {
                "id": "1",
                "name": "pro",
                "ssid": "Tilleuls-Pro",
                "type": "Standard_8021X",
                "encryption": {"method": "WPA2", "algorithm": "AES", "mfp": "capable"},
                "vlan": {"accessVlan": 10, "aaaVlanOverride": True},
                "advancedOptions": {"clientIsolationEnabled": False, "hideSsidEnabled": False},
            },
            {
                "id": "2",
                "name": "Residents",
                "ssid": "Residents",
                "type": "Standard_Open",
                "encryption": {
                    "method": "WPA23_Mixed",
                    "algorithm": "AES",
                    "passphrase": PASSWORD,
                    "saePassphrase": PASSWORD,
                },
                "vlan": {"accessVlan": 30},
                "advancedOptions": {"clientIsolationEnabled": True, "hideSsidEnabled": True},
            },
        ]
    }
)
WINDOWS = f"""<?xml version="1.0"?>
<WLANProfile xmlns="http://www.microsoft.com/networking/WLAN/profile/v1">
  <name>Residents</name>
  <SSIDConfig>
    <SSID><hex>5265736964656E7473</hex><name>Residents</name></SSID>
    <nonBroadcast>true</nonBroadcast>
  </SSIDConfig>
  <connectionType>ESS</connectionType>
  <connectionMode>auto</connectionMode>
  <MSM><security>
    <authEncryption><authentication>WPA2PSK</authentication><encryption>AES</encryption><useOneX>false</useOneX></authEncryption>
    <sharedKey><keyType>passPhrase</keyType><protected>false</protected><keyMaterial>{PASSWORD}</keyMaterial></sharedKey>
  </security></MSM>
</WLANProfile>
"""
WINDOWS_EAP = """<?xml version="1.0"?>
<WLANProfile xmlns="http://www.microsoft.com/networking/WLAN/profile/v1">
  <name>Tilleuls-Pro</name>
  <SSIDConfig><SSID><name>Tilleuls-Pro</name></SSID></SSIDConfig>
  <connectionType>ESS</connectionType><connectionMode>auto</connectionMode>
  <MSM><security>
    <authEncryption><authentication>WPA2</authentication><encryption>AES</encryption><useOneX>true</useOneX></authEncryption>
    <OneX xmlns="http://www.microsoft.com/networking/OneX/v1"><EAPConfig>
      <EapHostConfig xmlns="http://www.microsoft.com/provisioning/EapHostConfig">
        <EapMethod><Type xmlns="http://www.microsoft.com/provisioning/EapCommon">25</Type></EapMethod>
        <Config><Eap xmlns="http://www.microsoft.com/provisioning/BaseEapConnectionPropertiesV1"><Type>25</Type>
          <EapType xmlns="http://www.microsoft.com/provisioning/MsPeapConnectionPropertiesV1">
            <ServerValidation>
              <DisableUserPromptForServerValidation>true</DisableUserPromptForServerValidation>
              <ServerNames>radius.tilleuls.test</ServerNames>
              <TrustedRootCA>aa bb cc dd</TrustedRootCA>
            </ServerValidation>
            <FastReconnect>true</FastReconnect>
            <Eap xmlns="http://www.microsoft.com/provisioning/BaseEapConnectionPropertiesV1"><Type>26</Type>
              <EapType xmlns="http://www.microsoft.com/provisioning/MsChapV2ConnectionPropertiesV1"><UseWinLogonCredentials>true</UseWinLogonCredentials></EapType>
            </Eap>
            <PeapExtensions>
              <PerformServerValidation xmlns="http://www.microsoft.com/provisioning/MsPeapConnectionPropertiesV2">true</PerformServerValidation>
              <AcceptServerName xmlns="http://www.microsoft.com/provisioning/MsPeapConnectionPropertiesV2">true</AcceptServerName>
              <PeapExtensionsV2><IdentityPrivacy><EnableIdentityPrivacy>true</EnableIdentityPrivacy><AnonymousUserName>anonymous</AnonymousUserName></IdentityPrivacy></PeapExtensionsV2>
            </PeapExtensions>
          </EapType></Eap></Config>
      </EapHostConfig></EAPConfig></OneX>
  </security></MSM>
</WLANProfile>
"""
WPA_SUPPLICANT = f"""ctrl_interface=/run/wpa_supplicant
country=FR
network={{
    ssid="Residents"
    psk="{PASSWORD}"
    scan_ssid=1
}}
network={{
    ssid="Tilleuls-Pro"
    key_mgmt=WPA-EAP
    eap=PEAP
    identity="agent@tilleuls.test"
    anonymous_identity="anonymous@tilleuls.test"
    password="{PASSWORD}"
    ca_cert="/etc/ssl/tilleuls-ca.pem"
    domain_suffix_match="radius.tilleuls.test"
    phase2="auth=MSCHAPV2"
}}
"""
NETWORKMANAGER = f"""[connection]
id=Tilleuls-Pro
type=wifi
autoconnect=true

[wifi]
mode=infrastructure
ssid=Tilleuls-Pro
hidden=true

[wifi-security]
key-mgmt=wpa-eap
pmf=3

[802-1x]
eap=ttls;
identity=agent
anonymous-identity=anonyme
ca-cert=/etc/ssl/tilleuls-ca.pem
domain-suffix-match=radius.tilleuls.test
phase2-auth=pap
password={PASSWORD}
"""
NETWORKMANAGER_PSK = f"""[connection]
id=Residents
type=wifi

[wifi]
ssid=Residents

[wifi-security]
key-mgmt=sae
psk={PASSWORD}
"""

SAMPLES = {
    "hostapd": ("exports.hostapd", HOSTAPD),
    "openwrt": ("exports.openwrt", OPENWRT),
    "uci": ("exports.openwrt", UCI),
    "unifi": ("exports.unifi", UNIFI),
    "omada": ("exports.omada", OMADA),
    "omada-csv": ("exports.omada", OMADA_CSV),
    "aruba": ("exports.aruba", ARUBA),
    "meraki": ("exports.meraki", MERAKI),
    "aireos": ("exports.cisco_wlc", AIREOS),
    "show-wlan": ("exports.cisco_wlc", SHOW_WLAN),
    "aireos-commands": ("exports.cisco_commands", AIREOS_COMMANDS),
    "iosxe": ("exports.cisco_iosxe", IOSXE),
    "ruckus": ("exports.ruckus", RUCKUS),
    "smartzone": ("exports.smartzone", SMARTZONE),
    "windows": ("exports.windows_profile", WINDOWS),
    "windows-eap": ("exports.windows_profile", WINDOWS_EAP),
    "wpa_supplicant": ("exports.wpa_supplicant", WPA_SUPPLICANT),
    "networkmanager": ("exports.networkmanager", NETWORKMANAGER),
    "networkmanager-psk": ("exports.networkmanager", NETWORKMANAGER_PSK),
}
"""Name of a sample to its format and its text."""
MEASURED = (
    "hostapd",
    "openwrt",
    "uci",
    "unifi",
    "omada",
    "omada-csv",
    "aruba",
    "meraki",
    "aireos-commands",
    "iosxe",
    "ruckus",
    "smartzone",
    "windows",
    "wpa_supplicant",
    "networkmanager-psk",
)
"""Samples whose password opens a network, and is measured."""
