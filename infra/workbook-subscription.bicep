// The second phase: Event Grid notifies the app of a new workbook. It can only be made when the app's code runs, since
// the key of the blob extension does not exist before, and because Event Grid asks the app whether it wants the events.
// subscribe-workbook.sh waits for that and deploys this file.

param functionAppName string
param topicName string
param configContainer string
param configBlob string
@description('System key blobs_extension of the app.')
@secure()
param blobsExtensionKey string

var blobPath = '/blobServices/default/containers/${configContainer}/blobs/${configBlob}'

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// No dead letters: an event that gets lost costs time only, since every run looks for a new workbook by itself.
resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'workbook-uploaded'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.workbook_uploaded&code=${blobsExtensionKey}'
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: blobPath // the workbook and nothing beside it: the app writes into the container too
      subjectEndsWith: blobPath
      isSubjectCaseSensitive: true
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
