import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Every move of an order: who, why, Stripe's ids.
    CREATE TABLE order_timeline (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
      at timestamptz NOT NULL DEFAULT now(),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      actor_user_id uuid REFERENCES users (id) ON DELETE SET NULL,
      reason text NOT NULL,
      details jsonb NOT NULL DEFAULT '{}',
      CONSTRAINT order_timeline_actor_is_known CHECK (actor IN ('buyer', 'organizer', 'admin', 'stripe', 'system'))
    );
    CREATE INDEX order_timeline_order_id ON order_timeline (order_id, id);
    CREATE INDEX order_timeline_actor_user_id ON order_timeline (actor_user_id) WHERE actor_user_id IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE order_timeline;
  `);
}
