/** Sales of an account have stopped, or go on: written down and said to the owners, once for each change. */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { type Config } from '../config';
import { formatDateTime } from '../lib/dates';
import { paths } from '../paths';
import { dashboardUrl } from '../stripe/dashboard-links';
import { accountName, canTakeCharges, type Connection } from './connection';
import { mailOwners } from './owner-mails';
import { disabledReasonWords, requirementsInWords } from './requirement-words';

/** Call it under the connection's lock, where the change is seen. */
export async function tellHealthChange(
  trx: Knex.Transaction,
  config: Pick<Config, 'baseUrl' | 'stripe'>,
  connection: Connection,
): Promise<void> {
  const ready = canTakeCharges({ ...connection, pausedAt: null });
  await writeAudit(trx, {
    actor: 'stripe',
    action: ready ? 'connection.charges_resumed' : 'connection.charges_stopped',
    organizerId: connection.organizerId,
    subjectType: 'connection',
    subjectId: connection.id,
    details: {
      account: connection.stripeUserId,
      ...(ready ? {} : { reason: connection.statusDetail ?? connection.requirements.disabledReason }),
    },
  });
  await mailOwners(trx, connection.organizerId, {
    key: `health:${connection.id}:${connection.healthChangedAt!.getTime()}`,
    template: ready ? 'charges-resumed' : 'charges-stopped',
    content: {
      ...(ready ? resumed(connection) : stopped(connection, config)),
      action: { label: 'Open your payments page', url: config.baseUrl + paths.payments() },
    },
  });
}

function resumed(connection: Connection) {
  return {
    subject: 'Your paid tickets are on sale again',
    heading: `${accountName(connection)} can take payments again`,
    paragraphs: ['Paid tickets of events that use this account are on sale again. You need not do anything.'],
  };
}

function stopped(connection: Connection, config: Pick<Config, 'stripe'>) {
  const heading = 'Your paid tickets are off sale';
  if (connection.statusDetail === 'access_lost')
    return {
      subject: heading,
      heading,
      paragraphs: [
        `Stripe no longer gives Foyer access to ${accountName(connection)}. Paid tickets of events that use it are off sale; free tickets go on.`,
        'Connect the account again on your payments page. Orders that were paid keep their tickets.',
      ],
    };
  const { pastDue, currentlyDue, currentDeadline, disabledReason } = connection.requirements;
  const asked = requirementsInWords([...pastDue, ...currentlyDue]);
  return {
    subject: heading,
    heading,
    paragraphs: [
      `Stripe does not let ${accountName(connection)} take payments right now. Paid tickets of events that use it are off sale; free tickets go on.`,
      disabledReasonWords(disabledReason),
      asked.length > 0 ? `Stripe asks for: ${asked.join('; ')}.` : null,
      currentDeadline !== null
        ? `It is due by ${formatDateTime(new Date(currentDeadline * 1000), 'UTC')} UTC.`
        : null,
      `Finish it in your Stripe Dashboard: ${dashboardUrl(config.stripe, connection)}. Sales go on by themselves afterwards.`,
    ].filter((paragraph) => paragraph !== null),
  };
}
