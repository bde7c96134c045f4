/** What each job does. A task that throws is tried again by the worker, later and later. */
import { type Task, type TaskList } from 'graphile-worker';
import { z } from 'zod';
import { mailPasswordReset } from '../accounts/password-reset';
import { continueDisconnecting } from '../connect/disconnect';
import { type Dependencies } from '../dependencies';
import { continueMessage } from '../messages/send-message';
import { mailTicketsOfBuyer } from '../orders/mail-tickets-of-buyer';
import { settleOrder } from '../orders/settle-order';
import { releaseOrder } from '../orders/release-order';
import { continueEventRefund } from '../payments/refund-event';
import { checkLedger } from '../payments/check-ledger';
import { reconcileAccount } from '../payments/reconcile-account';
import { sendRefund } from '../payments/send-refund';
import { StripeFailure } from '../stripe/stripe-errors';
import { workOffEvent } from '../webhooks/work-off-event';
import { type JobName } from './jobs';

export function createTasks(dependencies: Dependencies): TaskList {
  const tasks: Record<JobName, Task> = {
    settle_order: task(z.object({ orderId: z.string() }), ({ orderId }) =>
      settleOrder(dependencies, orderId),
    ),
    release_order: task(z.object({ orderId: z.string() }), ({ orderId }) =>
      releaseOrder(dependencies, orderId),
    ),
    send_refund: task(z.object({ refundId: z.string() }), async ({ refundId }) => {
      if ((await sendRefund(dependencies, refundId)) === 'try_again')
        throw new TryAgain('Stripe gave no usable answer');
    }),
    refund_event: task(z.object({ eventRefundId: z.string() }), ({ eventRefundId }) =>
      continueEventRefund(dependencies, eventRefundId),
    ),
    send_message: task(z.object({ messageId: z.string() }), ({ messageId }) =>
      continueMessage(dependencies, messageId),
    ),
    send_mail: task(z.object({ mailId: z.string() }), ({ mailId }) =>
      dependencies.mailSender.sendMail(mailId),
    ),
    mail_tickets_of_buyer: task(z.object({ email: z.string() }), ({ email }) =>
      mailTicketsOfBuyer(dependencies, email),
    ),
    mail_password_reset: task(z.object({ email: z.string() }), ({ email }) =>
      mailPasswordReset(dependencies, email),
    ),
    work_off_stripe_event: task(z.object({ eventId: z.string() }), ({ eventId }) =>
      workOffEvent(dependencies, eventId),
    ),
    end_connection: task(z.object({ connectionId: z.string() }), async ({ connectionId }) => {
      if ((await continueDisconnecting(dependencies, connectionId)).state !== 'disconnected')
        throw new TryAgain('the connection can not be ended yet');
    }),
    reconcile_account: task(z.object({ account: z.string(), livemode: z.boolean() }), (account) =>
      whenStripeAnswers(() => reconcileAccount(dependencies, account)),
    ),
    check_ledger: task(z.object({ account: z.string(), livemode: z.boolean(), day: z.iso.date() }), (day) =>
      whenStripeAnswers(() => checkLedger(dependencies, day)),
    ),
  };
  return tasks;
}

/** Comparing can wait: when Stripe can't be read now, a later round does it. */
async function whenStripeAnswers(compare: () => Promise<unknown>): Promise<void> {
  await compare().catch((error: unknown) => {
    if (!(error instanceof StripeFailure)) throw error;
    throw new TryAgain(`an account could not be read (${error.problem})`);
  });
}

/** Not finished, and nothing is wrong with us. */
export class TryAgain extends Error {}

function task<T>(payload: z.ZodType<T>, work: (payload: T) => Promise<void>): Task {
  return async (raw) => {
    await work(payload.parse(raw));
  };
}
