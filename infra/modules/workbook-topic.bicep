// The events of the account that holds the workbook. The subscription follows when the app's code is there:
// workbook-subscription.bicep.

param name string
param location string
param tags { *: string }
param storageAccountId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    source: storageAccountId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

output name string = topic.name
