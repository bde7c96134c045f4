import { type Request } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { networkOf } from '../http/network';
import { keyedHash } from '../lib/tokens';
import { type Order } from './order';
import { createOrdersStore } from './orders-store';

const MISSES = { points: 100, seconds: 15 * 60 };
const MESSAGE =
  'Many addresses of orders or tickets that don’t exist were tried from your network. Wait 15 minutes, then open the link in your mail again.';

/** Finds orders by the token in their address. Only misses are counted: who has an address is never kept from it. */
export function createOrderLookUps({
  config,
  db,
  orderTokens,
  rateLimits,
}: Pick<Dependencies, 'config' | 'db' | 'orderTokens' | 'rateLimits'>) {
  async function refuseMiss(req: Request, what: 'order' | 'ticket'): Promise<never> {
    const key = keyedHash(config.sessionSecrets[0]!, 'rate-limits', networkOf(req.ip));
    await rateLimits.consume('order-look-up', key, MISSES, MESSAGE);
    throw new NotFound(what);
  }

  return {
    refuseMiss,
    async getOrder(req: Request): Promise<Order> {
      const id = orderTokens.verify(req.params['token']);
      const order = id ? await createOrdersStore(db).find(id) : null;
      return order ?? (await refuseMiss(req, 'order'));
    },
  };
}
