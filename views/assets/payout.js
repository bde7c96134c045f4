// Asks for the payout of a price while it is typed. Without it the numbers stand there once the form is saved.
(() => {
  const WAIT_MS = 250;
  for (const box of document.querySelectorAll('[data-payout]')) {
    const form = box.closest('form');
    const field = (name) => form.elements.namedItem(name)?.value ?? '';
    const own = (name) => field(`tickets.${box.dataset.payoutRow}.${name}`);
    let waiting;
    let asked = 0;

    const ask = async () => {
      const mine = (asked += 1);
      const query = new URLSearchParams({
        currency: field('currency'),
        stripe_connection: field('stripe_connection'),
        kind: own('kind'),
        price: own('price'),
        fee_payer: own('fee_payer'),
      });
      try {
        const answer = await fetch(`${box.dataset.payout}?${query}`, {
          headers: { Accept: 'application/json' },
        });
        if (!answer.ok || answer.redirected) return;
        const { payout } = await answer.json();
        // an earlier question may be answered later
        if (mine !== asked) return;
        box.hidden = payout === null;
        for (const part of box.querySelectorAll('[data-payout-part]'))
          part.textContent = payout ? payout[part.dataset.payoutPart] : '';
      } catch {
        // offline: what stands there stays
      }
    };

    const WATCHED = ['price', 'kind', 'fee_payer'].map((name) => `tickets.${box.dataset.payoutRow}.${name}`);
    const onChange = ({ target }) => {
      if (![...WATCHED, 'currency', 'stripe_connection'].includes(target.name)) return;
      clearTimeout(waiting);
      waiting = setTimeout(ask, WAIT_MS);
    };
    form.addEventListener('input', onChange);
    form.addEventListener('change', onChange);
  }
})();
