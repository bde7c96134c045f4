/** What an access token opens: who is there, and what they may see, read only. Cookies count for nothing here. */
import { type Request, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { type Limit } from '../http/rate-limits';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { authenticateRequest } from './authenticate-bearer';
import { type Access } from './grants-store';
import { inJson } from './in-json';
import { type Scope } from './oauth-clients';
import { listEvents, listOrders, readPageRequest } from './resources';

const PER_GRANT: Limit = { points: 300, seconds: 60 };

export function resourcesRouter(dependencies: Dependencies): Router {
  const { config, db, rateLimits } = dependencies;
  const router = Router();

  router.get(
    paths.oauthWhoami(),
    inJson(async (req, res, headers) => {
      const { user, scopes } = await opened(req, { headers });
      const organizers = await createOrganizersStore(db).listOfUser(user.id);
      res.json({
        ...user,
        // nobody else gets a token
        email_verified: true,
        scopes,
        organizers: organizers.map(({ id, name, role }) => ({ id, name, role })),
      });
    }),
  );

  router.get(
    paths.apiEvents(),
    inJson(async (req, res, headers) => {
      const { user } = await opened(req, { scope: 'events:read', headers });
      res.json(await listEvents(db, user.id, { ...readPageRequest(req.query), baseUrl: config.baseUrl }));
    }),
  );

  router.get(
    paths.apiOrders(),
    inJson(async (req, res, headers) => {
      const { user } = await opened(req, { scope: 'orders:read', headers });
      res.json(await listOrders(db, user.id, readPageRequest(req.query)));
    }),
  );

  return router;

  async function opened(
    req: Request,
    needed: { scope?: Scope; headers: Record<string, string> },
  ): Promise<Access> {
    const access = await authenticateRequest(dependencies, req, needed);
    await rateLimits.consume(
      'oauth-api',
      access.grantId,
      PER_GRANT,
      'Too many tries. Wait a minute, then ask again.',
    );
    return access;
  }
}
