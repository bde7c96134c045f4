/** A worker without a web server, as a process of its own. SIGUSR2: sweep now. SIGTERM: end when what it does is done. */
import { startPaymentDispatcher } from '../../../src/checkout/payment-dispatcher';
import { loadConfig } from '../../../src/config';
import { createDependencies } from '../../../src/dependencies';
import { sweepOnce } from '../../../src/jobs/sweeps';
import { startWorker } from '../../../src/jobs/worker';

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const dependencies = createDependencies({ ...config, databaseUrl: config.databaseUrl! });
  const worker = await startWorker(dependencies);
  const dispatcher = startPaymentDispatcher(dependencies);
  process.on('SIGUSR2', () => void sweepOnce(dependencies).finally(() => console.log('swept')));
  process.once('SIGTERM', () => {
    void Promise.all([worker.stop(), dispatcher.stop()])
      .then(dependencies.close)
      .then(() => process.exit(0));
  });
  console.log('ready');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
