// The Function App on Elastic Premium: more memory, disk and time for large tables. It does without the file share
// that the plan wants by default, because a share is opened with the account's key only; the package is a blob instead.
// The platform fetches that blob from outside any network of the app, so there is no private network here.

param name string
param planName string
param location string
param tags { *: string }
param pythonVersion string
param identityId string
@description('Every app setting, by name.')
param appSettings { *: string }
@description('URL of the container that holds the app\'s package, app.zip.')
param packageContainerUrl string
@allowed(['EP1', 'EP2', 'EP3'])
param skuName string
param maximumInstances int
@description('Instances that are always ready.')
@minValue(1)
param minimumInstances int

var settings = union(appSettings, {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  WEBSITE_RUN_FROM_PACKAGE: '${packageContainerUrl}/app.zip'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId
})

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'elastic'
  sku: {
    name: skuName
    tier: 'ElasticPremium'
    capacity: minimumInstances
  }
  properties: {
    reserved: true
    maximumElasticWorkerCount: maximumInstances
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      linuxFxVersion: 'Python|${pythonVersion}'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
      // Whether the instance serves: what /api/health reports, such as a wrong schedule, is no reason to replace it.
      healthCheckPath: '/api/dashboard'
      minimumElasticInstanceCount: minimumInstances
      appSettings: [for setting in items(settings): { name: setting.key, value: setting.value }]
    }
  }
}

// Deployments sign in with Microsoft Entra ID; the publishing passwords open nothing.
resource ftpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output hostName string = app.properties.defaultHostName
