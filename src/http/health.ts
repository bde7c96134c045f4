import { type Request, type Response, Router } from 'express';
import { type Knex } from 'knex';
import { paths } from '../paths';

/** A worker that has not reported for this long is not answering. */
const WORKER_SILENT_SECONDS = 150;

/** `/healthz`: the process lives. `/readyz`: database and worker answer, and the process is not stopping. */
export function healthRouter({ db, lifecycle }: { db: Knex; lifecycle: { draining: boolean } }): Router {
  const router = Router();
  router.get(paths.health(), (_req: Request, res: Response) => {
    res.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.get(paths.ready(), async (_req: Request, res: Response) => {
    const checks = { accepting: !lifecycle.draining, ...(await databaseAndWorker(db)) };
    const ready = Object.values(checks).every(Boolean);
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready', ...checks });
  });
  return router;
}

async function databaseAndWorker(db: Knex): Promise<{ database: boolean; worker: boolean }> {
  try {
    const row = await db('worker_heartbeats')
      .where('at', '>', db.raw('now() - make_interval(secs => ?)', [WORKER_SILENT_SECONDS]))
      .first();
    return { database: true, worker: row !== undefined };
  } catch {
    return { database: false, worker: false };
  }
}
