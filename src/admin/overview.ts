import { type Knex } from 'knex';
import { refundsThatWait } from '../payments/refund-matters';
import { type EventSilence, readEventSilence } from './health';

/** The house at a glance: what needs an admin, and whether the machinery runs. */
export async function readAdminOverview(db: Knex): Promise<AdminOverview> {
  const eventSilence = await readEventSilence(db);
  const result = await db.raw(`
    SELECT (SELECT count(*) FROM orders WHERE status = 'needs_attention') AS orders_attention,
           (SELECT count(*) FROM stripe_events WHERE processed_at IS NULL AND received_at < now() - interval '2 minutes') AS events_waiting,
           (SELECT count(*) FROM abuse_reports WHERE decided_at IS NULL) AS reports_open,
           (SELECT max(received_at) FROM stripe_events) AS last_event_at,
           (SELECT count(*) FROM mails WHERE status = 'failed') AS mails_failed,
           (SELECT count(*) FROM stripe_connections WHERE status = 'active' AND charges_enabled AND status_detail IS NULL) AS connections_ready,
           (SELECT count(*) FROM stripe_connections WHERE status = 'active' AND NOT (charges_enabled AND status_detail IS NULL)) AS connections_restricted,
           (SELECT count(*) FROM stripe_connections WHERE status = 'disconnecting') AS connections_ending,
           (SELECT count(*) FROM findings WHERE closed_at IS NULL) AS findings_open,
           (SELECT count(*) FROM disputes WHERE stage IN ('inquiry', 'open')) AS disputes_running,
           (SELECT count(*) FROM organizers) AS organizers,
           (SELECT count(*) FROM events WHERE status = 'published' AND ends_at > now()) AS events_on_sale,
           (SELECT max(at) FROM worker_heartbeats) AS worker_at`);
  const row = result.rows[0];
  const refunds = await refundsThatWait(db).count('* as count').first();
  return {
    eventSilence,
    ordersAttention: Number(row.orders_attention),
    refundsAttention: Number(refunds.count),
    eventsWaiting: Number(row.events_waiting),
    reportsOpen: Number(row.reports_open),
    lastEventAt: row.last_event_at,
    mailsFailed: Number(row.mails_failed),
    connectionsReady: Number(row.connections_ready),
    connectionsRestricted: Number(row.connections_restricted),
    connectionsEnding: Number(row.connections_ending),
    findingsOpen: Number(row.findings_open),
    disputesRunning: Number(row.disputes_running),
    organizers: Number(row.organizers),
    eventsOnSale: Number(row.events_on_sale),
    workerAt: row.worker_at,
  };
}

export interface AdminOverview {
  eventSilence: EventSilence | null;
  ordersAttention: number;
  refundsAttention: number;
  eventsWaiting: number;
  reportsOpen: number;
  lastEventAt: Date | null;
  mailsFailed: number;
  connectionsReady: number;
  connectionsRestricted: number;
  connectionsEnding: number;
  findingsOpen: number;
  disputesRunning: number;
  organizers: number;
  eventsOnSale: number;
  workerAt: Date | null;
}
