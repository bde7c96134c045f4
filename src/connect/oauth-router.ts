/** The OAuth router: to Stripe and back. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { createEventDraftsStore } from '../events/event-drafts';
import { currentUser, requireUser } from '../http/current-user';
import { readFields } from '../http/forms';
import { type Notice, renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { createOrganizersStore, type Organizer } from '../organizers/organizers-store';
import { paths } from '../paths';
import { refreshConnection } from './account-health';
import { accountName, type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { markDisconnected } from './disconnect';
import { declined, noticeFor, usedBefore } from './endings';
import { type Ending, finishConnecting } from './finish-connecting';
import { createOAuthStates, type OAuthState, type Purpose } from './oauth-states';
import { mayConnectNow } from './platform-standing';

export function oauthRouter(dependencies: Dependencies): Router {
  const { config, db, connectOAuth, logger } = dependencies;
  const router = Router();
  const states = createOAuthStates(db);
  const connections = createConnectionsStore(db);
  const drafts = createEventDraftsStore(db);
  const organizers = createOrganizersStore(db);
  const desk = [requireUser, loadOrganizer(db)];
  const livemode = config.stripe.primary.livemode;

  /** Makes the state and sends the person to Stripe. Pressed inside the event form, all that was typed is kept first. */
  router.post(paths.stripeConnect(), desk, async (req: Request, res: Response) => {
    const user = currentUser(req);
    const organizer = organizerOf(req);
    const fields = readFields(req.body);
    const draftId = fields['from'] === 'event_form' ? await keepDraft(user.id, organizer.id, fields) : null;
    const former = fields['connection']
      ? await connections.getOfOrganizer(fields['connection'], organizer.id)
      : null;
    const purpose: Purpose = former ? 'again' : fields['purpose'] === 'another' ? 'another' : 'first';
    const inTheWay = await whatIsInTheWay(organizer.id, purpose, former);
    if (inTheWay) {
      req.leaveNotice(inTheWay);
      return res.redirect(303, await backTo(organizer.id, user.id, draftId));
    }
    if (!(await mayConnectNow(dependencies))) {
      const back = await backTo(organizer.id, user.id, draftId);
      return renderPage(
        req,
        res,
        'connect/unavailable',
        {
          title: 'Stripe accepts no connections right now',
          layout: 'desk',
          status: 503,
          page: { organizer },
        },
        { back, kept: draftId !== null },
      );
    }
    const state = await states.issue({
      userId: user.id,
      organizerId: organizer.id,
      livemode,
      returnTo: draftId ? 'event_draft' : 'payments',
      draftId,
      purpose,
      reconnects: former?.id ?? null,
      sessionId: req.sessionID,
    });
    res.redirect(
      303,
      connectOAuth.authorizeUrl({
        livemode,
        state,
        landing: landingOf(fields['stripe_landing'], former),
        prefill: await prefillFor(organizer),
      }),
    );
  });

  /**
   * Stripe sends the person back here. A GET that changes things, as the protocol has it: bound by `state`. Every way
   * out is a redirect or an error page, so that no code stays in the address bar.
   */
  router.get(paths.stripeCallback(), async (req: Request, res: Response) => {
    res.set('Referrer-Policy', 'no-referrer');
    const user = req.currentUser;
    const { state, code, error } = req.query;
    if (!user) {
      if (error === 'access_denied' && state === undefined) return linkExpired(req, res, declined.text);
      return linkExpired(
        req,
        res,
        'You were signed out while you were at Stripe, so no account was connected. Sign in and press Connect with Stripe again.',
      );
    }
    const denied = error !== undefined;
    if (denied && state === undefined) {
      req.leaveNotice(declined);
      return res.redirect(303, paths.payments());
    }
    const consumed = await states.consume({ state, sessionId: req.sessionID, userId: user.id });
    if (consumed.outcome === 'not_valid') {
      logger.warn(
        { userId: user.id, requestId: req.id },
        'a callback came with a state that is not valid here',
      );
      return linkExpired(req, res);
    }
    const { organizerId, draftId } = consumed.state;
    if (!(await organizers.isMember(user.id, organizerId)))
      throw new Forbidden('You are no longer a member of this organizer, so no account was connected.');
    req.session.organizerId = organizerId;
    if (consumed.outcome === 'used_before') req.leaveNotice(await currentStatus(organizerId));
    else if (denied) req.leaveNotice(declined);
    else {
      const ending = await connect(consumed.state, code);
      if (ending.outcome === 'other_organizer')
        return res.redirect(303, paths.accountTaken(ending.account, draftId));
      req.leaveNotice(noticeFor(ending));
    }
    res.redirect(303, await backTo(organizerId, user.id, draftId));
  });

  /** Why an account could not be connected, and whom to ask. Names only organizers that the person belongs to. */
  router.get('/organizer/payments/account-taken', desk, async (req: Request, res: Response) => {
    const account = String(req.query['account'] ?? '');
    const holder = /^acct_[A-Za-z0-9]{1,64}$/.test(account)
      ? await connections.findByAccount(account, livemode)
      : null;
    const mine = req.memberships?.find((membership) => membership.id === holder?.organizerId) ?? null;
    const organizer = organizerOf(req);
    // an old address: it is connected here by now
    if (holder?.organizerId === organizer.id) return res.redirect(303, paths.payments());
    renderPage(
      req,
      res,
      'connect/account-taken',
      { title: 'This Stripe account is in use', layout: 'desk', page: { organizer } },
      {
        account: holder ? holder.stripeUserId : null,
        mine,
        organizer,
        helpAddress: /<([^>]+)>/.exec(config.mailFrom)?.[1] ?? config.mailFrom,
        back: await backTo(organizer.id, currentUser(req).id, draftIdOf(req.query['draft'])),
      },
    );
  });

  return router;

  /** What keeps a person from going to Stripe for this; null when nothing does. */
  async function whatIsInTheWay(
    organizerId: string,
    purpose: Purpose,
    former: Connection | null,
  ): Promise<Notice | null> {
    if (purpose === 'another') return null;
    const living = await listLivingConnections(organizerId);
    const standard = await connections.findDefault(organizerId, livemode);
    const shown = former
      ? living.find((connection) => connection.stripeUserId === former.stripeUserId)
      : (living.find((connection) => connection.id === standard?.id) ?? living[0]);
    if (!shown) return null;
    return shown.status === 'disconnecting'
      ? {
          kind: 'warning',
          text: `${accountName(shown)} is being disconnected. Connect again when that has finished.`,
        }
      : noticeFor({ outcome: 'already_connected', connection: shown });
  }

  /** The living ones, less those that Stripe says anew to let us in no more: these have ended, and may begin again. */
  async function listLivingConnections(organizerId: string): Promise<Connection[]> {
    const living: Connection[] = [];
    for (const connection of await connections.listLiving(organizerId, livemode)) {
      const lost =
        connection.status === 'active' &&
        connection.statusDetail === 'access_lost' &&
        (await refreshConnection(dependencies, connection)) === 'access_lost';
      if (lost) await markDisconnected(dependencies, connection.id, { by: 'stripe', reason: null });
      else living.push(connection);
    }
    return living;
  }

  async function keepDraft(
    userId: string,
    organizerId: string,
    fields: Record<string, string>,
  ): Promise<string> {
    const draft = await drafts.saveDraft({
      userId,
      organizerId,
      eventId: fields['event_id'] || null,
      draftId: fields['draft'] || null,
      values: fields,
    });
    return draft.id;
  }

  /** What Stripe may fill in: Stripe ignores it for accounts that exist. Country and currency of an earlier account. */
  async function prefillFor(organizer: Organizer) {
    const [last] = await connections.listOfOrganizer(organizer.id);
    return {
      email: organizer.contactEmail,
      business_name: organizer.name,
      url: organizer.website ?? undefined,
      country: last?.country ?? undefined,
      // Stripe takes a currency only together with a country
      currency: last?.country ? (last.defaultCurrency ?? undefined) : undefined,
    };
  }

  async function connect(state: OAuthState, code: unknown): Promise<Ending> {
    if (typeof code !== 'string' || !/^[\w-]{4,200}$/.test(code)) return { outcome: 'code_rejected' };
    return finishConnecting(dependencies, state, code);
  }

  async function currentStatus(organizerId: string): Promise<Notice> {
    const living = await connections.listLiving(organizerId, livemode);
    const newest = living.at(-1);
    return newest ? noticeFor({ outcome: 'already_connected', connection: newest }) : usedBefore;
  }

  /** The form with everything that was typed, or the payments page. */
  async function backTo(organizerId: string, userId: string, draftId: string | null): Promise<string> {
    const draft = draftId ? await drafts.findDraft(draftId, { userId, organizerId }) : null;
    if (!draft) return paths.payments();
    return draft.eventId ? paths.editEvent(draft.eventId, draft.id) : paths.newEvent(draft.id);
  }

  function linkExpired(req: Request, res: Response, message?: string): void {
    renderPage(
      req,
      res,
      'connect/link-expired',
      { title: 'This link has expired', status: 400 },
      {
        message:
          message ??
          'The way back from Stripe was not the one that this session began, or it is too old. No account was connected. Start again here, or from your payments page.',
        requestId: String(req.id),
        signedIn: req.currentUser !== null && req.currentUser !== undefined,
      },
    );
  }
}

/** Which form Stripe shows first: what the person chose; who connects an account again has one. */
function landingOf(chosen: string | undefined, former: Connection | null): 'login' | 'register' | undefined {
  if (chosen === 'login' || chosen === 'register') return chosen;
  return former ? 'login' : undefined;
}

function draftIdOf(given: unknown): string | null {
  return typeof given === 'string' ? given : null;
}
