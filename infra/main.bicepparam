// The parameters of an environment come from variables: azd keeps them in .azure/<environment>/.env
// (azd env set PLAN ElasticPremium), az reads the shell's. What is not named here keeps the default of main.bicep.

using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param namePrefix = readEnvironmentVariable('NAME_PREFIX', 'xl2lake')
param plan = readEnvironmentVariable('PLAN', 'FlexConsumption')
param privateNetwork = bool(readEnvironmentVariable('PRIVATE_NETWORK', 'false'))
param allowedRanges = json(readEnvironmentVariable('ALLOWED_RANGES', '[]'))
param lakeContainers = json(readEnvironmentVariable('LAKE_CONTAINERS', '["lake"]'))
param operatorPrincipalId = readEnvironmentVariable('OPERATOR_PRINCIPAL_ID', '')
param operatorPrincipalType = readEnvironmentVariable('OPERATOR_PRINCIPAL_TYPE', 'User')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param actionGroupIds = json(readEnvironmentVariable('ACTION_GROUP_IDS', '[]'))
param notifySecret = readEnvironmentVariable('NOTIFY_SECRET', '')
param appSettings = json(readEnvironmentVariable('APP_SETTINGS', '{}'))
