import { type Knex } from 'knex';

/** Every job there is, with its payload. */
export interface JobPayloads {
  settle_order: { orderId: string };
  release_order: { orderId: string };
  send_refund: { refundId: string };
  refund_event: { eventRefundId: string };
  send_message: { messageId: string };
  send_mail: { mailId: string };
  mail_password_reset: { email: string };
  mail_tickets_of_buyer: { email: string };
  work_off_stripe_event: { eventId: string };
  end_connection: { connectionId: string };
  reconcile_account: { account: string; livemode: boolean };
  check_ledger: { account: string; livemode: boolean; day: string };
}

export type JobName = keyof JobPayloads;

/**
 * Adds a job inside the caller's transaction, so that it exists exactly when the change that needs it does. A job that
 * is lost is no harm: sweeps find by the state of rows what was left.
 */
export async function addJob<Name extends JobName>(
  db: Knex,
  name: Name,
  payload: JobPayloads[Name],
  options: { inSeconds?: number; key?: string } = {},
): Promise<void> {
  await db.raw(
    'SELECT graphile_worker.add_job(?, ?::json, run_at := now() + make_interval(secs => ?), job_key := ?, max_attempts := 12)',
    [name, JSON.stringify(payload), options.inSeconds ?? 0, options.key ?? null],
  );
}
