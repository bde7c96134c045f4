/** The worker: jobs as they come, and a round of sweeps every fifteen seconds. Runs in the web process or alone. */
import { Logger as WorkerLogger, run } from 'graphile-worker';
import { type Dependencies } from '../dependencies';
import { writeHeartbeat } from './heartbeat';
import { sweepOnce } from './sweeps';
import { createTasks, TryAgain } from './tasks';

const SWEEP_EVERY_MS = 15_000;

export async function startWorker(dependencies: Dependencies): Promise<{ stop(): Promise<void> }> {
  const { config, db, logger } = dependencies;
  await writeHeartbeat(db);
  const runner = await run({
    connectionString: config.databaseDirectUrl ?? config.databaseUrl!,
    taskList: createTasks(dependencies),
    concurrency: 4,
    pollInterval: 2000,
    maxPoolSize: 4,
    // the process stops in its own order
    noHandleSignals: true,
    noPreparedStatements: !config.databasePrepared,
    logger: new WorkerLogger(() => () => {}),
  });
  runner.events.on('job:error', ({ job, error }) => {
    const expected = error instanceof TryAgain;
    logger[expected ? 'info' : 'error'](
      { job: job.task_identifier, attempts: job.attempts, err: error },
      'a job did not finish',
    );
  });
  const stopSweeping = sweepRepeatedly(dependencies);
  return {
    async stop() {
      await stopSweeping();
      await runner.stop();
    },
  };
}

function sweepRepeatedly(dependencies: Dependencies): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();
  const round = () => {
    running = sweepOnce(dependencies)
      .catch((error: unknown) => dependencies.logger.error({ err: error }, 'a round of sweeps failed'))
      .finally(() => {
        if (!stopped) timer = setTimeout(round, SWEEP_EVERY_MS);
      });
  };
  timer = setTimeout(round, 1000);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
