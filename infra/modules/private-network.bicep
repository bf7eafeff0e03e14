// Storage and vault without the internet: a network of the app's own, and a private endpoint for each service in it.

param namePrefix string
param location string
param tags { *: string }
@description('An IPv4 range of at least /24.')
param addressRange string
param hostStorageId string
param lakeStorageId string
param keyVaultId string

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
      { name: '${namePrefix}-host-blob', resourceId: hostStorageId, group: 'blob' }
      { name: '${namePrefix}-host-queue', resourceId: hostStorageId, group: 'queue' }
      { name: '${namePrefix}-host-table', resourceId: hostStorageId, group: 'table' }
      { name: '${namePrefix}-lake-blob', resourceId: lakeStorageId, group: 'blob' }
      { name: '${namePrefix}-lake-dfs', resourceId: lakeStorageId, group: 'dfs' }
      { name: '${namePrefix}-vault', resourceId: keyVaultId, group: 'vault' }
    ]
  }
}

output appSubnetId string = network.outputs.appSubnetId
output outgoingAddress string = network.outputs.outgoingAddress
