// Everything that Excel to lake needs in Azure, in a resource group of its own. Nothing signs in with a password or a
// key: the app's identity has roles. The event subscription follows the first deployment of the code:
// workbook-subscription.bicep. docs/deploy.md leads through it.

targetScope = 'subscription'

@description('Name of this environment, such as prod; it keeps its resources apart from those of others.')
@minLength(1)
@maxLength(40)
param environmentName string
@description('Region of everything.')
param location string
@description('Starts every name: a small letter, then up to 6 small letters or digits.')
@minLength(2)
@maxLength(7)
param namePrefix string = 'xl2lake'
param resourceGroupName string = 'rg-${namePrefix}-${environmentName}'

@description('FlexConsumption is paid by use; ElasticPremium has more memory, disk and time for large tables.')
@allowed(['FlexConsumption', 'ElasticPremium'])
param plan string = 'FlexConsumption'
@description('Of one instance on Flex Consumption, in MB; CPU grows with it. 512 MB cannot hold the host and a load.')
@allowed([2048, 4096])
param instanceMemoryMegabytes int = 2048
@description('Size of an instance on Elastic Premium.')
@allowed(['EP1', 'EP2', 'EP3'])
param premiumSku string = 'EP2'
@description('Flex Consumption: 40 to 1000. Elastic Premium: up to 100, in some regions fewer.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40
@description('Flex Consumption: instances that are always ready, by group of functions (durable, blob, http).')
param alwaysReady { *: int } = { durable: 1 }
@description('Versions that the app was run with on the real host; docs/deploy.md says what keeps the others out.')
@allowed(['3.11', '3.12'])
param pythonVersion string = '3.11'

@description('An attempt that takes longer is ended. The functions may run five minutes longer.')
@minValue(5)
@maxValue(1430)
param jobTimeoutMinutes int = 25
@description('Memory that one attempt may use, in MiB: half of an instance leaves room for the others.')
@minValue(256)
param jobMemoryMegabytes int = 1024
@description('When the timer starts a run: NCRONTAB of six fields, UTC.')
param ingestionSchedule string = '0 0 2 * * *'
@description('When old things are removed: NCRONTAB of six fields, UTC.')
param housekeepingSchedule string = '0 30 4 * * *'
@description('When Delta tables are compacted and vacuumed: NCRONTAB of six fields, UTC.')
param maintenanceSchedule string = '0 0 5 * * 0'
@description('How often the app looks for overdue jobs: NCRONTAB of six fields, UTC; at least every two hours.')
param watchSchedule string = '0 */5 * * * *'
@description('Name of the entry in the vault with the address of a Teams, Slack or other webhook; blank for none.')
param notifyEntry string = ''
@description('Further app settings, by name; docs/settings.md lists them with their defaults.')
param appSettings { *: string } = {}

param configContainer string = 'config'
param configBlob string = 'ingestion_config.xlsx'
param auditTable string = 'IngestionAudit'
@description('Containers of the lake: every target_container of the workbook.')
@minLength(1)
param lakeContainers string[] = ['lake']
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_ZRS'
@description('How long deleted blobs can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 7
@description('How long refused uploads are kept.')
@minValue(1)
param refusedUploadDays int = 90
@description('How long earlier versions of the workbook are kept to go back to.')
@minValue(30)
param historyDays int = 1095
@minValue(30)
@maxValue(730)
param logDays int = 90

@description('Storage and vault are reached through private endpoints, sources through one outgoing address.')
param privateNetwork bool = false
@description('An IPv4 range of at least /24 that no peered network uses.')
param networkAddressRange string = '10.90.0.0/24'
@description('With a private network: public IPv4 addresses or ranges (/30 at most) that may reach storage and vault.')
param allowedRanges string[] = []

@description('Object id of the user or group that uploads workbooks and keeps the secrets; blank gives no role.')
param operatorPrincipalId string = ''
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string = 'User'

@description('Who gets an email when something is wrong; blank for none.')
param alertEmail string = ''
@description('Resource ids of existing action groups that are notified as well.')
param actionGroupIds string[] = []
@description('Hours without a successful run before there is an alert; 0 switches it off. A weekly schedule needs 170.')
@minValue(0)
@maxValue(8784)
param successWithinHours int = 26
@description('A load that takes so many times its usual time raises an alert.')
@minValue(2)
param slowFactor int = 3

var flex = plan == 'FlexConsumption'

// Combinations that no service refuses, or refuses too late: the deployment ends before it makes anything.
var closedPremium = 'PRIVATE_NETWORK=true needs PLAN=FlexConsumption: the platform fetches the package of an Elastic Premium app from outside the network.'
var closedNothing = 'ALLOWED_RANGES closes nothing without PRIVATE_NETWORK=true: set both, or neither.'
var tooFew = 'MAXIMUM_INSTANCES must be at least 40 with PLAN=FlexConsumption.'
var closed = flex || !privateNetwork ? privateNetwork : fail(closedPremium)
var openTo = privateNetwork || empty(allowedRanges) ? allowedRanges : fail(closedNothing)
var flexInstances = !flex || maximumInstances >= 40 ? maximumInstances : fail(tooFew)

// 'Sweden Central' and 'swedencentral' are one region: both lead to the same names.
var region = toLower(replace(location, ' ', ''))
var token = uniqueString(subscription().id, environmentName, region)
var baseName = '${namePrefix}-${token}'
var tags = { 'azd-env-name': environmentName, application: 'excel-to-lake' }
var functionAppName = '${baseName}-app'
var packageContainer = 'app-package'
var functionMinutes = jobTimeoutMinutes + 5
var identityName = '${baseName}-identity'
var insightsName = '${baseName}-insights'
var hostStorageName = '${namePrefix}host${token}'
var lakeStorageName = '${namePrefix}lake${token}'
var keyVaultName = '${namePrefix}-kv-${token}'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: region
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    name: identityName
    location: region
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    workspaceName: '${baseName}-logs'
    insightsName: insightsName
    location: region
    tags: tags
    retentionDays: logDays
  }
}

// The workbook is here and not in the lake's account: without a hierarchical namespace an upload is one step, so
// that neither an event nor a run ever sees half a workbook.
module hostStorage 'modules/storage-account.bicep' = {
  scope: group
  name: 'host-storage'
  params: {
    name: hostStorageName
    location: region
    tags: tags
    skuName: storageRedundancy
    hierarchicalNamespace: false
    containers: [packageContainer, configContainer]
    tables: [auditTable]
    deletions: [
      { name: 'refused-uploads', prefix: '${configContainer}/refused/', days: refusedUploadDays }
      { name: 'workbook-history', prefix: '${configContainer}/history/', days: historyDays }
    ]
    softDeleteDays: softDeleteDays
    privateNetwork: closed
    allowedRanges: openTo
  }
}

module lakeStorage 'modules/storage-account.bicep' = {
  scope: group
  name: 'lake-storage'
  params: {
    name: lakeStorageName
    location: region
    tags: tags
    skuName: storageRedundancy
    hierarchicalNamespace: true
    containers: lakeContainers
    softDeleteDays: softDeleteDays
    privateNetwork: closed
    allowedRanges: openTo
  }
}

module keyVault 'modules/key-vault.bicep' = {
  scope: group
  name: 'key-vault'
  params: {
    name: keyVaultName
    location: region
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    softDeleteDays: 90
    privateNetwork: closed
    allowedRanges: openTo
  }
}

module network 'modules/private-network.bicep' = if (closed) {
  scope: group
  name: 'private-network'
  params: {
    namePrefix: baseName
    location: region
    tags: tags
    addressRange: networkAddressRange
    hostStorageName: hostStorageName
    lakeStorageName: lakeStorageName
    keyVaultName: keyVaultName
  }
  dependsOn: [hostStorage, lakeStorage, keyVault]
}

module roles 'modules/roles.bicep' = {
  scope: group
  name: 'roles'
  params: {
    identityName: identityName
    identityPrincipalId: identity.outputs.principalId
    hostStorageName: hostStorageName
    lakeStorageName: lakeStorageName
    keyVaultName: keyVaultName
    insightsName: insightsName
    configContainer: configContainer
    lakeContainers: lakeContainers
    auditTable: auditTable
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
  }
  dependsOn: [hostStorage, lakeStorage, keyVault, monitoring]
}

// A connection of the Functions host is a set of settings with one prefix:
// https://learn.microsoft.com/azure/azure-functions/functions-reference#connections
var notifyReference = '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.uri}secrets/${notifyEntry}/)'
var ownSettings = {
  AzureWebJobsStorage__blobServiceUri: hostStorage.outputs.blobEndpoint
  AzureWebJobsStorage__queueServiceUri: hostStorage.outputs.queueEndpoint
  AzureWebJobsStorage__tableServiceUri: hostStorage.outputs.tableEndpoint
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.outputs.clientId
  ConfigStorage__blobServiceUri: hostStorage.outputs.blobEndpoint
  ConfigStorage__queueServiceUri: hostStorage.outputs.queueEndpoint // the blob trigger's own queues
  ConfigStorage__credential: 'managedidentity'
  ConfigStorage__clientId: identity.outputs.clientId
  LakeStorage__blobServiceUri: lakeStorage.outputs.blobEndpoint
  AuditStorage__tableServiceUri: hostStorage.outputs.tableEndpoint
  AZURE_CLIENT_ID: identity.outputs.clientId
  KEY_VAULT_URL: keyVault.outputs.uri
  CONFIG_CONTAINER: configContainer
  CONFIG_BLOB: configBlob
  AUDIT_TABLE: auditTable
  WORKBOOK_TRIGGER_SOURCE: 'EventGrid'
  INGESTION_SCHEDULE: ingestionSchedule
  JOB_TIMEOUT_MINUTES: string(jobTimeoutMinutes)
  JOB_MEMORY_MEGABYTES: string(jobMemoryMegabytes)
  HOUSEKEEPING_SCHEDULE: housekeepingSchedule
  MAINTENANCE_SCHEDULE: maintenanceSchedule
  WATCH_SCHEDULE: watchSchedule
  NOTIFY_WEBHOOK_URL: empty(notifyEntry) ? '' : notifyReference
  REFUSED_UPLOAD_DAYS: string(refusedUploadDays)
  WORKBOOK_HISTORY_DAYS: string(historyDays)
  // It wins over host.json.
  AzureFunctionsJobHost__functionTimeout: '${padLeft(functionMinutes / 60, 2, '0')}:${padLeft(functionMinutes % 60, 2, '0')}:00'
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
  PYTHON_THREADPOOL_THREAD_COUNT: '16' // more than activities and orchestrators at once; a cold start would have six
  AZURE_TRACING_DISABLED: 'true' // the host's own calls of Azure's services would be most of what it sends
}
var allSettings = union(ownSettings, appSettings)

module flexApp 'modules/flex-app.bicep' = if (flex) {
  scope: group
  name: 'flex-app'
  params: {
    name: functionAppName
    planName: '${baseName}-plan'
    location: region
    tags: tags
    pythonVersion: pythonVersion
    identityId: identity.outputs.id
    appSettings: allSettings
    packageContainerUrl: '${hostStorage.outputs.blobEndpoint}${packageContainer}'
    instanceMemoryMegabytes: instanceMemoryMegabytes
    maximumInstances: flexInstances
    alwaysReady: alwaysReady
    subnetId: closed ? network!.outputs.appSubnetId : ''
  }
  dependsOn: [roles]
}

module premiumApp 'modules/premium-app.bicep' = if (!flex) {
  scope: group
  name: 'premium-app'
  params: {
    name: functionAppName
    planName: '${baseName}-plan'
    location: region
    tags: tags
    pythonVersion: pythonVersion
    identityId: identity.outputs.id
    appSettings: allSettings
    packageContainerUrl: '${hostStorage.outputs.blobEndpoint}${packageContainer}'
    skuName: premiumSku
    maximumInstances: min(maximumInstances, 100)
    minimumInstances: 1
  }
  dependsOn: [roles]
}

module workbookTopic 'modules/workbook-topic.bicep' = {
  scope: group
  name: 'workbook-topic'
  params: {
    name: '${baseName}-uploads'
    location: region
    tags: tags
    storageAccountId: hostStorage.outputs.id
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    namePrefix: baseName
    location: region
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupIds: actionGroupIds
    emailAddress: alertEmail
    successWithinHours: successWithinHours
    slowFactor: slowFactor
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output PLAN string = plan
output FUNCTION_APP_NAME string = functionAppName
output FUNCTION_APP_HOST string = flex ? flexApp!.outputs.hostName : premiumApp!.outputs.hostName
output PYTHON_VERSION string = pythonVersion
output IDENTITY_NAME string = identityName
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output HOST_STORAGE_NAME string = hostStorage.outputs.name
output LAKE_STORAGE_NAME string = lakeStorage.outputs.name
output PACKAGE_CONTAINER string = packageContainer
output KEY_VAULT_NAME string = keyVault.outputs.name
output WORKBOOK_TOPIC_NAME string = workbookTopic.outputs.name
output CONFIG_CONTAINER string = configContainer
output CONFIG_BLOB string = configBlob
output OUTGOING_ADDRESS string = closed ? network!.outputs.outgoingAddress : ''
