// Where logs, traces and metrics go. Telemetry is taken from signed-in senders only.

param workspaceName string
param insightsName string
param location string
param tags { *: string }
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

var queries = [
  { name: 'runs', title: 'The last runs', text: loadTextContent('../queries/runs.kql') }
  { name: 'jobs', title: 'How every job went last', text: loadTextContent('../queries/jobs.kql') }
  { name: 'failures', title: 'Failures by job and kind', text: loadTextContent('../queries/failures.kql') }
  { name: 'slowest-jobs', title: 'Where the time goes', text: loadTextContent('../queries/slowest-jobs.kql') }
  { name: 'workbooks', title: 'Workbooks: activated and refused', text: loadTextContent('../queries/workbooks.kql') }
]

resource savedQueries 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-02-01' = [
  for query in queries: {
    parent: workspace
    name: 'excel-to-lake-${query.name}'
    properties: {
      category: 'Excel to lake'
      displayName: query.title
      query: query.text
      version: 2
      // Without an etag the service answers 409 to the second deployment. It reads it here, and nowhere else.
      #disable-next-line BCP037
      etag: '*'
    }
  }
]

output workspaceId string = workspace.id
// Names the place where telemetry goes; with DisableLocalAuth it is no credential.
output connectionString string = insights.properties.ConnectionString
