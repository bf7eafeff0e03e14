// Who is notified, and when. Every query returns rows only if something is wrong, so all alerts are alike; one stays
// open, without further notice, until its query is quiet.

param namePrefix string
param location string
param tags { *: string }
param workspaceId string
@description('Existing action groups (resource ids) to notify in addition to emailAddress.')
param actionGroupIds string[]
@description('Blank makes no action group.')
param emailAddress string
@description('Without a successful run for so many hours there is an alert; 0 switches it off.')
param successWithinHours int
@description('A load that takes so many times its usual time raises an alert.')
param slowFactor int

// All are made, also one that is off: a deployment does not remove what an earlier one has made.
var alerts = [
  {
    name: 'run-failed'
    on: true
    title: 'A run failed'
    severity: 1
    every: 'PT5M'
    window: 'PT30M'
    query: loadTextContent('../queries/alert-run-failed.kql')
  }
  {
    name: 'job-over-usual-time'
    on: true
    title: 'A job took over ${slowFactor} times its usual time'
    severity: 2
    every: 'PT1H'
    window: 'P2D'
    query: replace(loadTextContent('../queries/alert-job-over-usual-time.kql'), '{factor}', string(slowFactor))
  }
  {
    name: 'workbook-refused'
    on: true
    title: 'An uploaded workbook was refused'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    query: loadTextContent('../queries/alert-workbook-refused.kql')
  }
  {
    name: 'upload-given-up'
    on: true
    title: 'The host gave up an upload of the workbook'
    severity: 2
    every: 'PT5M'
    window: 'PT30M'
    query: loadTextContent('../queries/alert-upload-given-up.kql')
  }
  {
    name: 'no-successful-run'
    on: successWithinHours > 0
    title: 'No run has succeeded for ${successWithinHours} hours'
    severity: 1
    every: 'PT1H'
    window: 'PT3H'
    query: replace(loadTextContent('../queries/alert-no-successful-run.kql'), '{hours}', string(successWithinHours))
  }
]

resource emailGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emailAddress)) {
  name: '${namePrefix}-alerts'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'excel2lake'
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: emailAddress
        useCommonAlertSchema: true
      }
    ]
  }
}

var emailGroupIds = empty(emailAddress) ? [] : [emailGroup.id]

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: '${namePrefix}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.title
      description: 'What to do: docs/operations.md, ${alert.name}.'
      severity: alert.severity
      enabled: alert.on
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      windowSize: alert.window
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: true
      skipQueryValidation: true // a new workspace has no table AppTraces until the first telemetry
      actions: {
        actionGroups: concat(actionGroupIds, emailGroupIds)
      }
    }
  }
]
