/** The OAuth router: to Stripe and back, the payments page, and the organizer's way to end a connection. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { createEventDraftsStore } from '../events/event-drafts';
import { currentUser, requireRecentPassword, requireUser } from '../http/current-user';
import { readFields } from '../http/forms';
import { type Notice, renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { createOrganizersStore } from '../organizers/organizers-store';
import { feeWords } from '../payments/fees';
import { paths } from '../paths';
import { refreshConnection } from './account-health';
import { accountName, canTakeCharges, type Connection, stateOf, whyNoPaidSales } from './connection';
import { badgeOf, connectionFacts, requirementWords } from './connection-facts';
import { createConnectionsStore } from './connections-store';
import { consequencesOf, continueDisconnecting, markDisconnected, requestDisconnect } from './disconnect';
import { declined, noticeFor, usedBefore } from './endings';
import { finishConnecting } from './finish-connecting';
import { createOAuthStates, type OAuthState } from './oauth-states';

export function connectRouter(dependencies: Dependencies): Router {
  const { config, db, connectOAuth, logger } = dependencies;
  const router = Router();
  const states = createOAuthStates(db);
  const connections = createConnectionsStore(db);
  const drafts = createEventDraftsStore(db);
  const organizers = createOrganizersStore(db);
  const desk = [requireUser, loadOrganizer(db)];
  const livemode = config.stripe.primary.livemode;

  router.get(paths.payments(), desk, async (req: Request, res: Response) => {
    const organizer = organizerOf(req);
    const history = await connections.listOfOrganizer(organizer.id);
    const current = await connections.findCurrent(organizer.id, livemode);
    renderPage(
      req,
      res,
      'connect/payments',
      { title: 'Payments', layout: 'desk', page: { organizer } },
      {
        organizer,
        current,
        state: stateOf(current),
        stateBadge: badgeOf(current),
        facts: current ? connectionFacts(current) : [],
        whyNot: whyNoPaidSales(current),
        disabledReason: current?.requirements.disabledReason
          ? requirementWords(current.requirements.disabledReason)
          : null,
        history: history.filter((entry) => entry.id !== current?.id),
        feeWords: feeWords(config.platformFee, current?.defaultCurrency ?? 'eur'),
      },
    );
  });

  /** Makes the state and sends the person to Stripe. Pressed inside the event form, all that was typed is kept first. */
  router.post(paths.stripeConnect(), desk, async (req: Request, res: Response) => {
    const user = currentUser(req);
    const organizer = organizerOf(req);
    const fields = readFields(req.body);
    const draftId = fields['from'] === 'event_form' ? await keepDraft(user.id, organizer.id, fields) : null;
    const current = await findLivingConnection(organizer.id);
    if (current) {
      req.leaveNotice(
        current.status === 'disconnecting'
          ? {
              kind: 'warning',
              text: `${accountName(current)} is being disconnected. Connect again when that has finished.`,
            }
          : noticeFor({ outcome: 'already_connected', connection: current }),
      );
      return res.redirect(303, await backTo(organizer.id, user.id, draftId));
    }
    const state = await states.issue({
      userId: user.id,
      organizerId: organizer.id,
      livemode,
      returnTo: draftId ? 'event_draft' : 'payments',
      draftId,
      sessionId: req.sessionID,
    });
    const landing =
      fields['stripe_landing'] === 'login' || fields['stripe_landing'] === 'register'
        ? fields['stripe_landing']
        : undefined;
    res.redirect(
      303,
      connectOAuth.authorizeUrl({
        livemode,
        state,
        landing,
        prefill: {
          email: organizer.contactEmail,
          business_name: organizer.name,
          url: organizer.website ?? undefined,
        },
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
    const notice =
      consumed.outcome === 'used_before'
        ? await currentStatus(organizerId)
        : denied
          ? declined
          : await connect(consumed.state, code);
    req.leaveNotice(notice);
    res.redirect(303, await backTo(organizerId, user.id, draftId));
  });

  router.post('/stripe/connections/:id/refresh', desk, async (req: Request, res: Response) => {
    const connection = await connections.getOfOrganizer(String(req.params['id']), organizerOf(req).id);
    if (connection.status === 'active') {
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
      const organizer = organizerOf(req);
      if (organizer.role !== 'owner')
        throw new Forbidden('Only an owner of this organizer can disconnect its Stripe account.');
      const connection = await connections.getOfOrganizer(String(req.params['id']), organizer.id);
      await requestDisconnect(db, connection.id, {
        by: 'organizer',
        userId: currentUser(req).id,
        reason: null,
      });
      const outcome = await continueDisconnecting(dependencies, connection.id);
      req.leaveNotice(noticeOfDisconnect(outcome));
      res.redirect(303, paths.payments());
    },
  );

  return router;

  /** The organizer's connection, unless Stripe says anew that it lets us in no more: then it has ended, and another may begin. */
  async function findLivingConnection(organizerId: string): Promise<Connection | null> {
    const current = await connections.findCurrent(organizerId, livemode);
    if (current?.status !== 'active' || current.statusDetail !== 'access_lost') return current;
    if ((await refreshConnection(dependencies, current)) !== 'access_lost') return current;
    await markDisconnected(dependencies, current.id, { by: 'stripe', reason: null });
    return null;
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

  async function connect(state: OAuthState, code: unknown): Promise<Notice> {
    if (typeof code !== 'string' || !/^[\w-]{4,200}$/.test(code))
      return noticeFor({ outcome: 'code_rejected' });
    return noticeFor(await finishConnecting(dependencies, state, code));
  }

  async function currentStatus(organizerId: string): Promise<Notice> {
    const current = await connections.findCurrent(organizerId, livemode);
    return current ? noticeFor({ outcome: 'already_connected', connection: current }) : usedBefore;
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
      'errors/error',
      { title: 'This link has expired', status: 400 },
      {
        status: 400,
        heading: 'This link has expired',
        message:
          message ??
          'The way back from Stripe was not the one that this session began, or it is too old. No account was connected. Start again from your payments page.',
        requestId: String(req.id),
        action: { href: paths.payments(), label: 'Go to payments' },
      },
    );
  }
}

export function noticeOfDisconnect(outcome: Awaited<ReturnType<typeof continueDisconnecting>>): Notice {
  switch (outcome.state) {
    case 'disconnected':
      return {
        kind: 'success',
        text: 'Disconnected. Foyer has no access to the Stripe account any more. Paid tickets are off sale; free tickets go on.',
      };
    case 'waiting':
      return {
        kind: 'info',
        text: `Paid sales have stopped. ${outcome.openOrders === 1 ? 'One payment is' : `${outcome.openOrders} payments are`} still under way; the account is disconnected as soon as ${outcome.openOrders === 1 ? 'it is' : 'they are'} settled.`,
      };
    case 'stripe_unclear':
      return {
        kind: 'warning',
        text: "Paid sales have stopped. Stripe hasn't confirmed the end of the connection yet; Foyer keeps asking.",
      };
  }
}
