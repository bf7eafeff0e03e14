// Storage and vault without the internet: a network of the app's own, and a private endpoint for each service in it.
// Names come in instead of outputs, which what-if does not know: it then names the endpoints, too.

param namePrefix string
param location string
param tags { *: string }
@description('An IPv4 range of at least /24.')
param addressRange string
param hostStorageName string
param lakeStorageName string
param keyVaultName string

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource lakeStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: lakeStorageName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: keyVaultName
}

module network 'network.bicep' = {
  name: 'network'
  params: {
    namePrefix: namePrefix
    location: location
    tags: tags
    addressRange: addressRange
  }
}

module privateEndpoints 'private-endpoints.bicep' = {
  name: 'private-endpoints'
  params: {
    location: location
    tags: tags
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointSubnetId
    endpoints: [
      { name: '${namePrefix}-host-blob', resourceId: hostStorage.id, group: 'blob' }
      { name: '${namePrefix}-host-queue', resourceId: hostStorage.id, group: 'queue' }
      { name: '${namePrefix}-host-table', resourceId: hostStorage.id, group: 'table' }
      { name: '${namePrefix}-lake-blob', resourceId: lakeStorage.id, group: 'blob' }
      { name: '${namePrefix}-lake-dfs', resourceId: lakeStorage.id, group: 'dfs' }
      { name: '${namePrefix}-vault', resourceId: vault.id, group: 'vault' }
    ]
  }
}

output appSubnetId string = network.outputs.appSubnetId
output outgoingAddress string = network.outputs.outgoingAddress
