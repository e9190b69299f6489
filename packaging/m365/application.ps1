<#
.SYNOPSIS
Crée dans un locataire Microsoft 365 l'application qui permet à Ausculte de le lire, ou la supprime après l'audit.

.DESCRIPTION
À lancer par un administrateur général du locataire, avec PowerShell 7 et le seul module Microsoft.Graph.Authentication :

    Install-Module Microsoft.Graph.Authentication -Scope CurrentUser
    ./application.ps1 -Tenant tilleuls.onmicrosoft.com -Certificate ausculte-cert.pem

Après l'audit :

    ./application.ps1 -Tenant tilleuls.onmicrosoft.com -Remove

L'application ne reçoit que des droits de lecture. Ce script n'écrit rien d'autre dans le locataire que cette
application, ses droits et son rôle de lecteur ; il ne lit ni message ni document.

.PARAMETER Tenant
Domaine ou identifiant du locataire, comme dans le mandat.

.PARAMETER Certificate
Certificat public de l'intervenant (PEM). Sa clé privée ne quitte pas le poste de l'intervenant. Sans certificat, un
secret valable $Days jours est créé et affiché une seule fois.

.PARAMETER Days
Durée de vie du secret, en jours (1 à 30).

.PARAMETER DeviceCode
Pour une connexion par code, sans secret ni certificat : les droits sont alors ceux d'une personne, qui doit avoir le rôle
« Lecteur général ».

.PARAMETER NoExchange
Ne pas ouvrir Exchange Online : les réglages de messagerie resteront « non évalués ».

.PARAMETER NoTeams
Ne pas ouvrir Teams.

.PARAMETER InboxRules
Ouvrir aussi les règles des boîtes aux lettres (sensible : le droit porte sur toutes les boîtes).

.PARAMETER AuditQuery
Ouvrir aussi la recherche dans le journal d'audit (sensible : le journal dit qui fait quoi).

.PARAMETER Remove
Supprimer l'application, ses droits et ses secrets.
#>
#Requires -Version 7.0
#Requires -Modules Microsoft.Graph.Authentication
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [ValidatePattern('^[A-Za-z0-9.-]+$')] [string] $Tenant,
    [string] $Certificate = '',
    [ValidateRange(1, 30)] [int] $Days = 7,
    [switch] $DeviceCode,
    [switch] $NoExchange,
    [switch] $NoTeams,
    [switch] $InboxRules,
    [switch] $AuditQuery,
    [switch] $Remove
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Name = 'Ausculte (audit en lecture seule)'
$GlobalReader = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'
$Graph = '00000003-0000-0000-c000-000000000000'
$Exchange = '00000002-0000-0ff1-ce00-000000000000'
$Teams = '48ac35b8-9aa8-4d74-927d-1f4a14a0b239'

# Droits d'application de Microsoft Graph, tous en lecture.
$Permissions = @(
    'AccessReview.Read.All',
    'Application.Read.All',
    'AuditLog.Read.All',
    'BackupRestore-Configuration.Read.All',
    'DeviceManagementManagedDevices.Read.All',
    'DeviceManagementServiceConfig.Read.All',
    'Directory.Read.All',
    'Domain.Read.All',
    'GroupMember.Read.All',
    'IdentityRiskyUser.Read.All',
    'OnPremDirectorySynchronization.Read.All',
    'Organization.Read.All',
    'Policy.Read.All',
    'Policy.Read.DeviceConfiguration',
    'RoleAssignmentSchedule.Read.Directory',
    'RoleEligibilitySchedule.Read.Directory',
    'RoleManagement.Read.Directory',
    'RoleManagementPolicy.Read.Directory',
    'SecurityAlert.Read.All',
    'SecurityEvents.Read.All',
    'ServiceHealth.Read.All',
    'SharePointTenantSettings.Read.All',
    'User.Read.All'
)
$InboxRulesPermission = 'MailboxSettings.Read'
$AuditQueryPermission = 'AuditLogsQuery.Read.All'
# Ces deux droits n'ouvrent que ce que permet le rôle de l'application, qui est celui de lecteur.
$ExchangePermission = 'Exchange.ManageAsApp'
$TeamsPermission = 'application_access'

function Read-All([string] $Uri) {
    $found = @()
    while ($Uri) {
        $page = Invoke-MgGraphRequest -Method GET -Uri $Uri -OutputType HashTable
        $found += $page['value']
        $Uri = $page['@odata.nextLink']
    }
    , $found
}

function Get-Service([string] $AppId) {
    $found = Read-All "/v1.0/servicePrincipals?`$filter=appId eq '$AppId'&`$select=id,appId,appRoles,oauth2PermissionScopes"
    if ($found.Count -ne 1) { throw "Le service $AppId n'est pas connu de ce locataire." }
    $found[0]
}

function Get-Ours {
    , (Read-All "/v1.0/applications?`$filter=displayName eq '$Name'&`$select=id,appId,displayName")
}

function Remove-Ours {
    $ours = Get-Ours
    if ($ours.Count -eq 0) {
        Write-Host "Aucune application « $Name » dans ce locataire : rien à supprimer."
        return
    }
    foreach ($application in $ours) {
        Invoke-MgGraphRequest -Method DELETE -Uri "/v1.0/applications/$($application['id'])" | Out-Null
        # La corbeille la garderait trente jours, prête à être restaurée.
        Invoke-MgGraphRequest -Method DELETE -Uri "/v1.0/directory/deletedItems/$($application['id'])" | Out-Null
        Write-Host "Application $($application['appId']) supprimée, avec ses droits et ses secrets."
    }
}

function Grant-Role([hashtable] $Service, [string] $Value, [string] $PrincipalId) {
    $role = @($Service['appRoles'] | Where-Object { $_['value'] -eq $Value -and $_['allowedMemberTypes'] -contains 'Application' })
    if ($role.Count -ne 1) {
        Write-Warning "Le droit $Value n'existe pas dans ce locataire : les contrôles qui en dépendent seront non évalués."
        return
    }
    $body = @{ principalId = $PrincipalId; resourceId = $Service['id']; appRoleId = $role[0]['id'] }
    Invoke-MgGraphRequest -Method POST -Uri "/v1.0/servicePrincipals/$PrincipalId/appRoleAssignments" -Body $body | Out-Null
    Write-Host "  $Value"
}

$scopes = @('Application.ReadWrite.All')
if (-not $Remove) { $scopes += 'AppRoleAssignment.ReadWrite.All', 'RoleManagement.ReadWrite.Directory' }
if ($DeviceCode -and -not $Remove) { $scopes += 'DelegatedPermissionGrant.ReadWrite.All' }
Connect-MgGraph -TenantId $Tenant -Scopes $scopes -ContextScope Process -NoWelcome

try {
    if ($Remove) {
        Remove-Ours
        return
    }
    if ((Get-Ours).Count -gt 0) { throw "L'application « $Name » existe déjà : la supprimer d'abord avec -Remove." }

    $asked = @($Permissions)
    if ($InboxRules) { $asked += $InboxRulesPermission }
    if ($AuditQuery) { $asked += $AuditQueryPermission }

    $body = @{ displayName = $Name; signInAudience = 'AzureADMyOrg'; isFallbackPublicClient = [bool] $DeviceCode }
    if ($Certificate -and -not $DeviceCode) {
        $path = (Resolve-Path -LiteralPath $Certificate).Path
        $public = [System.Security.Cryptography.X509Certificates.X509Certificate2]::new($path)
        $key = [Convert]::ToBase64String($public.RawData)
        $body['keyCredentials'] = @(@{ type = 'AsymmetricX509Cert'; usage = 'Verify'; key = $key; displayName = 'Ausculte' })
    }
    $application = Invoke-MgGraphRequest -Method POST -Uri '/v1.0/applications' -Body $body -OutputType HashTable
    $principal = Invoke-MgGraphRequest -Method POST -Uri '/v1.0/servicePrincipals' -Body @{ appId = $application['appId'] } -OutputType HashTable
    Write-Host "Application créée : $($application['appId']). Droits accordés :"

    $service = Find-Service $Graph
    if ($DeviceCode) {
        $known = @($service['oauth2PermissionScopes'] | ForEach-Object { $_['value'] })
        $scope = ($asked | Where-Object { $known -contains $_ }) -join ' '
        $grant = @{ clientId = $principal['id']; consentType = 'AllPrincipals'; resourceId = $service['id']; scope = $scope }
        Invoke-MgGraphRequest -Method POST -Uri '/v1.0/oauth2PermissionGrants' -Body $grant | Out-Null
        Write-Host "  $scope"
    }
    else {
        foreach ($value in $asked) { Grant-Role $service $value $principal['id'] }
        if (-not $NoExchange) { Grant-Role (Find-Service $Exchange) $ExchangePermission $principal['id'] }
        if (-not $NoTeams) { Grant-Role (Find-Service $Teams) $TeamsPermission $principal['id'] }
        if (-not ($NoExchange -and $NoTeams)) {
            $role = @{ principalId = $principal['id']; roleDefinitionId = $GlobalReader; directoryScopeId = '/' }
            Invoke-MgGraphRequest -Method POST -Uri '/v1.0/roleManagement/directory/roleAssignments' -Body $role | Out-Null
            Write-Host '  rôle Lecteur général (Global Reader)'
        }
    }

    Write-Host ''
    Write-Host 'À recopier dans le profil de l''audit :'
    Write-Host '[m365]'
    Write-Host "tenant = `"$Tenant`""
    Write-Host "client_id = `"$($application['appId'])`""
    if ($DeviceCode) {
        Write-Host 'sign_in = "device_code"'
    }
    elseif ($Certificate) {
        Write-Host 'sign_in = "certificate"'
        Write-Host 'certificate_file = "ausculte.pem"     # certificat et clé privée, chez l''intervenant'
    }
    else {
        $until = (Get-Date).ToUniversalTime().AddDays($Days).ToString('yyyy-MM-ddTHH:mm:ssZ')
        $secret = Invoke-MgGraphRequest -Method POST -Uri "/v1.0/applications/$($application['id'])/addPassword" -OutputType HashTable `
            -Body @{ passwordCredential = @{ displayName = 'Ausculte'; endDateTime = $until } }
        Write-Host 'sign_in = "client_secret"'
        Write-Host 'secret_from = "prompt"'
        Write-Host ''
        Write-Host "Secret, montré une seule fois, valable $Days jours : $($secret['secretText'])"
    }
    Write-Host ''
    Write-Host "Après l'audit : ./application.ps1 -Tenant $Tenant -Remove"
}
finally {
    Disconnect-MgGraph | Out-Null
}
