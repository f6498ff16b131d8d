// A training run with SAP's SDK for JavaScript; prints one line of JSON: what it saw.
import {
  ArtifactApi,
  ConfigurationApi,
  ExecutableApi,
  ExecutionApi,
  MetricsApi,
  ScenarioApi
} from '@sap-ai-sdk/ai-api';

const group = { 'AI-Resource-Group': 'default' };

const scenarios = await ScenarioApi.scenarioQuery(group).execute();
const executable = await ExecutableApi.executableGet('flowers', 'train-flowers', group).execute();
const artifact = await ArtifactApi.artifactCreate(
  { name: 'pictures', kind: 'dataset', url: 'ai://default/in', scenarioId: 'flowers' },
  group
).execute();
const configuration = await ConfigurationApi.configurationCreate(
  {
    name: 'flowers',
    scenarioId: 'flowers',
    executableId: 'train-flowers',
    parameterBindings: [{ key: 'epochs', value: '2' }],
    inputArtifactBindings: [{ key: 'pictures', artifactId: artifact.id }]
  },
  group
).execute();
const execution = await ExecutionApi.executionCreate({ configurationId: configuration.id }, group).execute();

const statuses = [];
let seen;
do {
  seen = await ExecutionApi.executionGet(execution.id, {}, group).execute();
  statuses.push(seen.status);
} while (!['COMPLETED', 'DEAD', 'STOPPED'].includes(seen.status) && statuses.length < 20);

const logs = await ExecutionApi.kubesubmitV4ExecutionsGetLogs(execution.id, {}, {}).execute();
await MetricsApi.metricsPatch(
  { executionId: execution.id, metrics: [{ name: 'accuracy', value: 0.5, timestamp: '2025-01-01T00:00:00Z' }] },
  group
).execute();
const metrics = await MetricsApi.metricsFind({ executionIds: [execution.id] }, group).execute();

let refused;
try {
  await ExecutionApi.executionModify(execution.id, { targetStatus: 'STOPPED' }, group).execute();
} catch (error) {
  refused = error.rootCause?.response?.data?.error?.message ?? String(error);
}
await ExecutionApi.executionDelete(execution.id, group).execute();
const left = await ExecutionApi.executionQuery({ $top: 10 }, group).execute();

console.log(
  JSON.stringify({
    scenarios: scenarios.resources.map(scenario => scenario.id),
    parameters: executable.parameters.map(parameter => parameter.name),
    artifact: artifact.message,
    configuration: configuration.message,
    execution: execution.message,
    statuses,
    outputs: seen.outputArtifacts.map(output => output.url.replace(execution.id, 'ID')),
    logs: logs.data.result.map(line => line.msg),
    metrics: metrics.resources[0].metrics.map(metric => [metric.name, metric.value]),
    refused,
    left: left.resources.map(each => [each.status, each.targetStatus])
  })
);
