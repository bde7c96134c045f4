/** The words of the filters above the list of orders, and which of them there are to choose from. */
import {
  ORDER_FILTERS,
  ORDER_SORTS,
  type OrderFilter,
  type OrderSearch,
  type OrderSort,
} from './order-search';

interface Choice {
  value: string;
  label: string;
}

export function orderListWords(
  search: OrderSearch,
  of: { types: { id: string; name: string }[]; codes: { id: string; code: string }[]; modes: boolean },
) {
  const { type, code, door, mode, from, until } = search;
  return {
    filters: choices<OrderFilter>(ORDER_FILTERS, FILTER_WORDS),
    sorts: choices<OrderSort>(ORDER_SORTS, SORT_WORDS),
    types: of.types.map(({ id, name }): Choice => ({ value: id, label: name })),
    codes:
      of.codes.length === 0
        ? []
        : [
            { value: 'any', label: 'Any code' },
            ...of.codes.map((used): Choice => ({ value: used.id, label: used.code })),
          ],
    doors: DOOR_WORDS,
    modes: of.modes ? MODE_WORDS : [],
    /** the form as it was sent; what nothing was chosen of is empty */
    filterForm: {
      values: {
        q: search.q,
        status: search.filter,
        sort: search.sort,
        type: type ?? '',
        code: code ?? '',
        door: door ?? '',
        mode: mode ?? '',
        from: from ?? '',
        until: until ?? '',
      },
      errors: {},
    },
    moreIsSet: [type, code, door, mode, from, until].some((value) => value !== null),
  };
}

const FILTER_WORDS: Record<OrderFilter, string> = {
  all: 'All',
  paid: 'Paid',
  open: 'Being placed',
  refunded: 'Refunded, whole or in part',
  ended: 'Not bought, or given up',
  attention: 'Needs attention',
};

const SORT_WORDS: Record<OrderSort, string> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'Name, A to Z',
  'name-desc': 'Name, Z to A',
  sum: 'Largest amount first',
  'sum-asc': 'Smallest amount first',
  state: 'State, what asks for you first',
  'state-desc': 'State, what is over first',
};

const DOOR_WORDS: Choice[] = [
  { value: 'in', label: 'Checked in, at least one ticket' },
  { value: 'out', label: 'Nobody checked in yet' },
];

const MODE_WORDS: Choice[] = [
  { value: 'live', label: 'Live orders' },
  { value: 'test', label: 'Test orders' },
];

function choices<T extends string>(known: Record<T, unknown>, words: Record<T, string>): Choice[] {
  return (Object.keys(known) as T[]).map((value) => ({ value, label: words[value] }));
}
