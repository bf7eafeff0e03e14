// A network of the app's own: outgoing calls leave through one fixed address, storage and vault are inside.

param namePrefix string
param location string
param tags { *: string }
@description('An IPv4 range of at least /24.')
param addressRange string

// Without rules of its own: the default ones let nothing in from the internet.
resource securityGroup 'Microsoft.Network/networkSecurityGroups@2025-01-01' = {
  name: '${namePrefix}-nsg'
  location: location
  tags: tags
}

resource outgoingAddress 'Microsoft.Network/publicIPAddresses@2025-01-01' = {
  name: '${namePrefix}-outgoing'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource natGateway 'Microsoft.Network/natGateways@2025-01-01' = {
  name: '${namePrefix}-nat'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 30
    publicIpAddresses: [
      {
        id: outgoingAddress.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: '${namePrefix}-network'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressRange]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressRange, 25, 0)
          natGateway: {
            id: natGateway.id
          }
          networkSecurityGroup: {
            id: securityGroup.id
          }
          delegations: [
            {
              name: 'app'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressRange, 26, 2)
          networkSecurityGroup: {
            id: securityGroup.id
          }
        }
      }
    ]
  }
}

output networkId string = network.id
output appSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'app')
output endpointSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'endpoints')
output outgoingAddress string = outgoingAddress.properties.ipAddress
