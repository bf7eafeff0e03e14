// The key comes through the environment: it is neither in a file nor on a command line.

using './workbook-subscription.bicep'

param functionAppName = readEnvironmentVariable('FUNCTION_APP_NAME')
param topicName = readEnvironmentVariable('WORKBOOK_TOPIC_NAME')
param configContainer = readEnvironmentVariable('CONFIG_CONTAINER')
param configBlob = readEnvironmentVariable('CONFIG_BLOB')
param blobsExtensionKey = readEnvironmentVariable('BLOBS_EXTENSION_KEY')
