/** createApp: middleware and features in order. The table of contents of the house. */
import { type RequestListener } from 'node:http';
import express, { type Express } from 'express';
import { accountRouter } from './accounts/account-router';
import { accountsRouter } from './accounts/accounts-router';
import { passwordResetRouter } from './accounts/password-reset-router';
import { twoFactorRouter } from './accounts/two-factor-router';
import { adminRouter } from './admin/admin-router';
import { ownCancellationRouter } from './cancellations/own-cancellation-router';
import { policyDeskRouter } from './cancellations/policy-desk-router';
import { checkInRouter } from './check-in/check-in-router';
import { checkoutRouter } from './checkout/checkout-router';
import { holdsRouter } from './checkout/holds-router';
import { connectionsRouter } from './connect/connections-router';
import { oauthRouter } from './connect/oauth-router';
import { type Dependencies } from './dependencies';
import { discountDeskRouter } from './discounts/discount-desk-router';
import { eventDeskRouter } from './events/event-desk-router';
import { eventReportsRouter } from './events/event-reports-router';
import { eventCoverRouter, readCoverUpload } from './events/event-cover-router';
import { eventPicturesRouter } from './events/event-pictures-router';
import { eventSalesRouter } from './events/event-sales-router';
import { publicEventsRouter } from './events/public-events-router';
import { assetsRouter } from './http/assets';
import { compressGuestPages } from './http/compress';
import { csrfProtection } from './http/csrf';
import { loadCurrentUser } from './http/current-user';
import { devRouter } from './http/dev-router';
import { errorHandler, pageNotFound } from './http/error-pages';
import { healthRouter } from './http/health';
import { forgetKeptForm, keepExpiredForms, keptFormsRouter } from './http/kept-forms';
import { notices } from './http/notices';
import { requestLog } from './http/request-log';
import { sameOriginOnly } from './http/same-origin';
import { noStore, securityHeaders } from './http/security-headers';
import { sessionMiddleware } from './http/session';
import { useViews } from './http/views';
import { messagesRouter } from './messages/messages-router';
import { complimentaryRouter } from './orders/complimentary-router';
import { decisionDeskRouter } from './orders/decision-desk-router';
import { orderDeskRouter } from './orders/order-desk-router';
import { findTicketsRouter } from './orders/find-tickets-router';
import { orderCorrectionsRouter } from './orders/order-corrections-router';
import { orderPapersRouter } from './orders/order-papers-router';
import { ordersRouter } from './orders/orders-router';
import { organizersRouter } from './organizers/organizers-router';
import { eventRefundsRouter } from './payments/event-refunds-router';
import { refundsRouter } from './payments/refunds-router';
import { authorizeRouter } from './oauth-provider/authorize-router';
import { resourcesRouter } from './oauth-provider/resources-router';
import { oauthTokensRouter } from './oauth-provider/tokens-router';
import { extensionRouter } from './stripe-app/extension-router';
import { questionDeskRouter } from './questions/question-desk-router';
import { installRouter } from './stripe-app/install-router';
import { webhooksRouter } from './webhooks/webhooks-router';

/** What the server calls: pages that lie ready are answered in front of Express. */
export function createListener(dependencies: Dependencies, app = createApp(dependencies)): RequestListener {
  return (req, res) => {
    const next = () => app(req, res);
    if (!dependencies.eventPages.answer(req, res, next)) next();
  };
}

export function createApp(dependencies: Dependencies): Express {
  const { config, db, logger } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  // flat, as Express 5 has it: a nested query object is nothing we use and much to attack
  app.set('query parser', 'simple');
  useViews(app, { cache: config.viewCache, simulated: config.stripe.simulated });

  app.use(healthRouter(dependencies));
  app.use(securityHeaders({ production: config.production, connectUrl: config.stripe.connectUrl }));
  app.use(holdsRouter(dependencies));
  app.use(requestLog(logger));
  app.use(assetsRouter());
  app.use(webhooksRouter(dependencies));
  app.use(oauthTokensRouter(dependencies));
  app.use(extensionRouter(dependencies));
  app.use(resourcesRouter(dependencies));

  // The guest's pages: no session, no cookie but the guest's own.
  app.use(express.urlencoded({ extended: false, limit: '256kb', parameterLimit: 5000 }));
  app.use(sameOriginOnly(config.baseUrl));
  app.use(compressGuestPages);
  app.use(publicEventsRouter(dependencies));
  app.use(eventPicturesRouter(dependencies));
  app.use(eventReportsRouter(dependencies));
  app.use(checkoutRouter(dependencies));
  app.use(findTicketsRouter(dependencies));
  app.use(ordersRouter(dependencies));
  app.use(orderCorrectionsRouter(dependencies));
  app.use(ownCancellationRouter(dependencies));
  app.use(orderPapersRouter(dependencies));
  app.use(devRouter(dependencies));

  // Everyone who signs in.
  app.use(noStore);
  app.use(
    sessionMiddleware({ db, secrets: config.sessionSecrets, secure: config.baseUrl.startsWith('https://') }),
  );
  app.use(loadCurrentUser(db, config));
  app.use(notices);
  app.use('/organizer/events/:id/cover', readCoverUpload());
  app.use(csrfProtection());
  app.use(keepExpiredForms(dependencies));
  app.use(forgetKeptForm);
  app.use(keptFormsRouter(dependencies));
  app.use(accountsRouter(dependencies));
  app.use(passwordResetRouter(dependencies));
  app.use(accountRouter(dependencies));
  app.use(twoFactorRouter(dependencies));
  app.use(authorizeRouter(dependencies));
  app.use(organizersRouter(dependencies));
  app.use(orderDeskRouter(dependencies));
  app.use(complimentaryRouter(dependencies));
  app.use(decisionDeskRouter(dependencies));
  app.use(discountDeskRouter(dependencies));
  app.use(messagesRouter(dependencies));
  app.use(policyDeskRouter(dependencies));
  app.use(questionDeskRouter(dependencies));
  app.use(checkInRouter(dependencies));
  app.use(refundsRouter(dependencies));
  app.use(eventRefundsRouter(dependencies));
  app.use(eventCoverRouter(dependencies));
  app.use(eventSalesRouter(dependencies));
  app.use(eventDeskRouter(dependencies));
  app.use(oauthRouter(dependencies));
  app.use(connectionsRouter(dependencies));
  app.use(installRouter(dependencies));
  app.use(adminRouter(dependencies));

  app.use(pageNotFound);
  app.use(errorHandler(logger));
  return app;
}
