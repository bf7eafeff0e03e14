// Who may do what: the app's identity first, then the people who operate it. Every role is on the smallest scope that
// does; the names are guid() of scope, principal and role, so that a deployment repeated changes nothing. All parts of
// a name are known before anything is made, so that what-if names the assignments too.

@description('Name of the app\'s identity; it names the assignments.')
param identityName string
@description('Object id of the same identity.')
param identityPrincipalId string
param hostStorageName string
param lakeStorageName string
param keyVaultName string
param insightsName string
param configContainer string
param lakeContainers string[]
param auditTable string
@description('Object id of the people who upload workbooks and keep secrets; blank assigns no role.')
param operatorPrincipalId string
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  storageTableDataReader: '76199698-9eea-4c19-bc75-cec21354c6b6'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

var definitions = 'Microsoft.Authorization/roleDefinitions'
var operatorContainers = empty(operatorPrincipalId) ? [] : lakeContainers

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: hostStorage
  name: 'default'
}

resource config 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: hostBlobs
  name: configContainer
}

resource hostTables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' existing = {
  parent: hostStorage
  name: 'default'
}

resource audit 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' existing = {
  parent: hostTables
  name: auditTable
}

resource lakeStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: lakeStorageName
}

resource lakeBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: lakeStorage
  name: 'default'
}

resource lake 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for container in lakeContainers: {
    parent: lakeBlobs
    name: container
  }
]

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: keyVaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// Why: the host keeps its locks, keys and the app's package here, and makes containers of its own.
resource hostBlobOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identityName, roles.storageBlobDataOwner)
  scope: hostStorage
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataOwner)
  }
}

// Why: Durable Functions distributes its work through queues that it makes, and so does the blob trigger.
resource hostQueueContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identityName, roles.storageQueueDataContributor)
  scope: hostStorage
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageQueueDataContributor)
  }
}

// Why: Durable Functions keeps instances and histories in tables that it makes.
resource hostTableContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, identityName, roles.storageTableDataContributor)
  scope: hostStorage
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageTableDataContributor)
  }
}

// Why: the app reads the workbook and keeps versions, refusals and leases beside it. Assigned although the host's role
// covers it, so that the container can move to another account without losing what the app needs.
resource configContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(config.id, identityName, roles.storageBlobDataContributor)
  scope: config
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataContributor)
  }
}

// Why: the app writes runs, jobs and the ledger of watermarks. Assigned for the same reason as the one before.
resource auditContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(audit.id, identityName, roles.storageTableDataContributor)
  scope: audit
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageTableDataContributor)
  }
}

// Why: loads write, replace and remove files, in these containers and nowhere else in the account.
resource lakeContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, index) in lakeContainers: {
    name: guid(lake[index].id, identityName, roles.storageBlobDataContributor)
    scope: lake[index]
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataContributor)
    }
  }
]

// Why: jobs read the connections of their sources; the app never writes a secret.
resource vaultReader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identityName, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.keyVaultSecretsUser)
  }
}

// Why: Application Insights takes telemetry only from senders that have this role.
resource telemetryPublisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identityName, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(definitions, roles.monitoringMetricsPublisher)
  }
}

// Why: operators upload workbooks and read what was refused; no key of the account would let them in.
resource operatorConfig 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  name: guid(config.id, operatorPrincipalId, roles.storageBlobDataContributor)
  scope: config
  properties: {
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataContributor)
  }
}

// Why: operators look up what a run did.
resource operatorAudit 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  name: guid(audit.id, operatorPrincipalId, roles.storageTableDataReader)
  scope: audit
  properties: {
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
    roleDefinitionId: subscriptionResourceId(definitions, roles.storageTableDataReader)
  }
}

// Why: operators look at what was loaded; only the app writes it.
resource operatorLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, index) in operatorContainers: {
    name: guid(lake[index].id, operatorPrincipalId, roles.storageBlobDataReader)
    scope: lake[index]
    properties: {
      principalId: operatorPrincipalId
      principalType: operatorPrincipalType
      roleDefinitionId: subscriptionResourceId(definitions, roles.storageBlobDataReader)
    }
  }
]

// Why: operators set and renew the connections of the sources.
resource operatorSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  name: guid(vault.id, operatorPrincipalId, roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
    roleDefinitionId: subscriptionResourceId(definitions, roles.keyVaultSecretsOfficer)
  }
}
