/** An organizer's Stripe accounts: the payments page, which account is the default, and the organizer's way to end a connection. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { currentUser, requireRecentPassword, requireUser } from '../http/current-user';
import { renderPage } from '../http/views';
import { type Membership } from '../organizers/organizers-store';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { feeWords } from '../payments/fees';
import { createOrganizerFeesStore, policyOf } from '../payments/organizer-fees-store';
import { paths } from '../paths';
import { listAppStatus } from '../stripe-app/app-status';
import { dashboardUrl } from '../stripe/dashboard-links';
import { refreshConnection } from './account-health';
import { accountName, canTakeCharges, stateOf } from './connection';
import { badgeOf, connectionFacts } from './connection-facts';
import { createConnectionsStore } from './connections-store';
import { consequencesOf, continueDisconnecting, requestDisconnect } from './disconnect';
import { noticeOfDisconnect } from './endings';
import { consequencesOfDefault, makeDefault } from './make-default';
import { howItEnded, statusCard } from './status-card';

/** Each asks Stripe, whose patience with us all buyers share. */
const REFRESHES = { points: 20, seconds: 600 };
const TOO_MANY_REFRESHES =
  'Stripe was asked about this account many times within ten minutes. Wait a moment, then ask again.';

export function connectionsRouter(dependencies: Dependencies): Router {
  const { appOAuth, config, db, rateLimits } = dependencies;
  const router = Router();
  const connections = createConnectionsStore(db);
  const desk = [requireUser, loadOrganizer(db)];
  const livemode = config.stripe.primary.livemode;

  router.get(paths.payments(), desk, async (req: Request, res: Response) => {
    const organizer = organizerOf(req);
    const standard = await connections.findDefault(organizer.id, livemode);
    const living = (await connections.listLiving(organizer.id, livemode)).sort(
      (one, other) => Number(other.id === standard?.id) - Number(one.id === standard?.id),
    );
    const ended = (await connections.listOfOrganizer(organizer.id)).filter(
      ({ status }) => status === 'disconnected',
    );
    const { paid_sales_pause_reason: pauseReason } = await db('organizers')
      .where({ id: organizer.id })
      .first('paid_sales_pause_reason');
    const livingAccounts = new Set(living.map(({ stripeUserId }) => stripeUserId));
    renderPage(
      req,
      res,
      'connect/payments',
      { title: 'Payments', layout: 'desk', page: { organizer } },
      {
        organizer,
        stateBadge: badgeOf(standard),
        accounts: living.map((connection) => ({
          connection,
          isDefault: connection.id === standard?.id,
          // one account alone needs no word for its place
          isOneOfMany: living.length > 1 || connection.id !== standard?.id,
          card: statusCard(connection, dashboardUrl(config.stripe, connection), pauseReason),
          facts: connectionFacts(connection),
        })),
        lostDefault: standard && stateOf(standard) === 'disconnected' ? standard : null,
        lastEnded: ended[0] ? { connection: ended[0], words: howItEnded(ended[0]) } : null,
        history: ended.map((connection, index) => ({
          connection,
          // the newest row of each account that is not connected now
          mayReconnect:
            connection.livemode === livemode &&
            !livingAccounts.has(connection.stripeUserId) &&
            ended.findIndex(({ stripeUserId }) => stripeUserId === connection.stripeUserId) === index,
        })),
        appStatus: await listAppStatus(db, appOAuth, living),
        ...(await feesInWords(organizer.id, standard?.defaultCurrency ?? 'eur')),
      },
    );
  });

  async function feesInWords(organizerId: string, currency: string) {
    const fees = createOrganizerFeesStore(db);
    const agreed = await fees.listOfOrganizer(organizerId);
    return {
      feeWords: feeWords(await fees.policyFor(organizerId, currency, config.platformFee), currency),
      otherFees: agreed
        .filter((fee) => fee.currency !== currency)
        .map((fee) => ({
          currency: fee.currency.toUpperCase(),
          words: feeWords(policyOf(fee), fee.currency),
        })),
    };
  }

  router.post('/stripe/connections/:id/refresh', desk, async (req: Request, res: Response) => {
    const connection = await connections.getOfOrganizer(String(req.params['id']), organizerOf(req).id);
    if (connection.status === 'active') {
      await rateLimits.consume('connection-refresh', connection.id, REFRESHES, TOO_MANY_REFRESHES);
      const answer = await refreshConnection(dependencies, connection);
      const read = await connections.find(connection.id);
      req.leaveNotice(
        answer === 'unanswered'
          ? {
              kind: 'warning',
              text: "Stripe didn't answer. What you see is what it said last. Try again in a moment.",
            }
          : {
              kind: 'info',
              text: canTakeCharges(read)
                ? 'Stripe says that your account can take payments.'
                : 'Asked Stripe anew. Your account still needs something; see below.',
            },
      );
    }
    res.redirect(303, paths.payments());
  });

  router.get(
    '/stripe/connections/:id/default',
    desk,
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const organizer = organizerOf(req);
      const connection = await connections.getOfOrganizer(String(req.params['id']), organizer.id);
      const current = await connections.findDefault(organizer.id, connection.livemode);
      renderPage(
        req,
        res,
        'connect/default-account',
        { title: 'Change the default account', layout: 'desk', page: { organizer } },
        {
          connection,
          accountName,
          current: current?.id === connection.id ? null : current,
          isDefault: current?.id === connection.id,
          ready: canTakeCharges(connection),
          consequences: await consequencesOfDefault(db, organizer.id, connection.livemode),
        },
      );
    },
  );

  router.post(
    '/stripe/connections/:id/default',
    desk,
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const organizer = ownedOrganizer(req, 'choose its default Stripe account');
      const connection = await connections.getOfOrganizer(String(req.params['id']), organizer.id);
      if (await makeDefault(dependencies, connection, currentUser(req).id))
        req.leaveNotice({
          kind: 'success',
          text: `${accountName(connection)} is your default account now. New orders are paid to it; earlier ones keep theirs.`,
        });
      res.redirect(303, paths.payments());
    },
  );

  router.get(
    '/stripe/connections/:id/disconnection',
    desk,
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const organizer = organizerOf(req);
      const connection = await connections.getOfOrganizer(String(req.params['id']), organizer.id);
      renderPage(
        req,
        res,
        'connect/disconnection',
        { title: 'Disconnect Stripe', layout: 'desk', page: { organizer } },
        { connection, consequences: await consequencesOf(db, connection) },
      );
    },
  );

  router.post(
    '/stripe/connections/:id/disconnection',
    desk,
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const organizer = ownedOrganizer(req, 'disconnect its Stripe account');
      const connection = await connections.getOfOrganizer(String(req.params['id']), organizer.id);
      await requestDisconnect(db, connection.id, {
        by: 'organizer',
        userId: currentUser(req).id,
        reason: null,
      });
      req.leaveNotice(noticeOfDisconnect(await continueDisconnecting(dependencies, connection.id)));
      res.redirect(303, paths.payments());
    },
  );

  return router;
}

/** Where the money goes is the owners' decision. */
function ownedOrganizer(req: Request, act: string): Membership {
  const organizer = organizerOf(req);
  if (organizer.role !== 'owner') throw new Forbidden(`Only an owner of this organizer can ${act}.`);
  return organizer;
}
