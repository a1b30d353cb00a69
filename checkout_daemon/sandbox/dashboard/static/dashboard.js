/**
 * The offline Stripe's page: reads what happened, draws it, and sends what a person lets happen.
 * Everything shown may be hostile text: nodes are made by `h`, text only ever becomes a text node.
 */

const PAGE = 50;
const REFRESH_MS = 250;
const TYPING_MS = 250;
const RETRY_MS = [500, 1000, 2000, 4000];

const VIEWS = {
  sessions: {
    title: 'Checkout sessions',
    nav: 'Sessions',
    search: 'ID, email or reference',
    only: [['', 'All'], ['open', 'Open'], ['paid', 'Paid'], ['unpaid', 'Completed, not paid'], ['expired', 'Expired']],
    empty: 'No Checkout session yet. One appears here as soon as a shop asks for it.',
  },
  payments: {
    title: 'Payments',
    nav: 'Payments',
    search: 'ID, amount or metadata',
    only: [
      ['', 'All'], ['succeeded', 'Paid'], ['waiting', 'Waiting'], ['failed', 'Refused'], ['refunded', 'Refunded'],
      ['disputed', 'Disputed'],
    ],
    empty: 'No payment yet. Open a session’s payment page and pay with a test card.',
  },
  events: {
    title: 'Events',
    nav: 'Events',
    search: 'ID of an event or an object',
    only: [['', 'All'], ['undelivered', 'Not delivered'], ['unheard', 'Nobody listened']],
    types: true,
    empty: 'No event yet. Everything that happens to a session or a payment writes one.',
  },
  deliveries: {
    title: 'Webhook deliveries',
    nav: 'Webhooks',
    search: 'ID or event type',
    only: [['', 'All'], ['failed', 'Gone wrong']],
    types: true,
    empty: 'Nothing was sent yet. Events go to webhook endpoints and to whoever runs stripe listen.',
  },
  requests: {
    title: 'API requests',
    nav: 'Requests',
    search: 'Path, ID or idempotency key',
    only: [['', 'All'], ['failed', 'Failed'], ['changes', 'Changes only']],
    empty: 'No API request yet. Point a Stripe SDK or the Stripe CLI at this address.',
  },
  controls: { title: 'Clock and trouble', nav: 'Clock and trouble' },
};

const STEPS = [['1h', '1 hour'], ['1d', '1 day'], ['3d', '3 days']];
const TROUBLE = [
  ['Webhook deliveries', [
    ['duplicate', 'Sent twice', '%'], ['reorder', 'Out of order', '%'], ['delay', 'Late', '%'],
    ['drop', 'Never leaves', '%'], ['bad_signature', 'Wrong signature', '%'], ['answer_lost', 'Answer lost', '%'],
    ['spread_seconds', 'Out of order by up to', 's'], ['delay_seconds', 'Late by', 's'],
  ]],
  ['API requests', [
    ['api_429', 'Too many requests', '%'], ['api_500', 'Server error', '%'], ['api_timeout', 'No answer for long', '%'],
    ['api_drop', 'Connection ends', '%'], ['timeout_seconds', 'Long is', 's'],
    ['rate_limit', 'Most requests a second', '', 'none'],
  ]],
  ['Endpoints and chance', [
    ['disable_after_days', 'Disabled after failing for', 'days', 'never'], ['seed', 'Seed: same number, same trouble', ''],
  ]],
];
const PRESET = { duplicate: 20, reorder: 20, answer_lost: 10, drop: 5 };

/** What is shown: the place comes from the address, the rest from the sandbox. */
const shown = { place: readPlace(), overview: null, rows: [], more: false, expanded: false, thing: null, missing: '' };
let live = 'connecting';

// ---- Making and changing nodes

/** A node; children are nodes, texts, lists of them, or nothing. */
function h(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  if (name === 'select') node.value = node.dataset.value ?? '';
  return node;
}

/** Draw children into a node so that what is there already stays: with focus, scroll, open folds and typed text. */
function draw(node, ...children) {
  const wanted = h('div', null, children);
  morphChildren(node, wanted);
}

function morph(from, to) {
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  const value = from.nodeName === 'SELECT' ? from.dataset.value : null;
  if (from.nodeName === 'INPUT') morphInput(from, to);
  for (const { name } of [...from.attributes]) {
    const kept = (name === 'open' && from.nodeName === 'DETAILS') || isTyped(from, name) || name === 'aria-disabled';
    if (!kept && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value: given } of [...to.attributes]) {
    const kept = (name === 'open' && from.nodeName === 'DETAILS') || isTyped(from, name);
    if (!kept && from.getAttribute(name) !== given) from.setAttribute(name, given);
  }
  morphChildren(from, to);
  if (value !== null && (from.value === value || from.selectedIndex < 0) && document.activeElement !== from) {
    from.value = to.dataset.value ?? '';
  }
}

function isTyped(node, name) {
  return node.nodeName === 'INPUT' && (name === 'value' || name === 'checked');
}

/** A field follows the sandbox until somebody types into it. */
function morphInput(from, to) {
  if (from.type === 'checkbox') {
    if (from.checked !== from.defaultChecked && from.checked !== to.defaultChecked) return;
    from.defaultChecked = to.defaultChecked;
    from.checked = to.defaultChecked;
  } else if (from.value === to.defaultValue) {
    from.defaultValue = to.defaultValue;
  } else if (from.value === from.defaultValue) {
    from.defaultValue = to.defaultValue;
    from.value = to.defaultValue;
  }
}

function morphChildren(from, to) {
  const wanted = [...to.childNodes];
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  for (const old of [...from.childNodes]) if (keyOf(old) && !keys.has(keyOf(old))) old.remove();
  const byKey = new Map([...from.childNodes].filter(keyOf).map((old) => [keyOf(old), old]));
  let cursor = from.firstChild;
  for (const next of wanted) {
    const found = keyOf(next) ? byKey.get(keyOf(next)) : alike(cursor, next);
    if (!found || found.nodeName !== next.nodeName) {
      from.insertBefore(next, cursor);
      continue;
    }
    while (!keyOf(next) && cursor !== found) cursor = removed(cursor);
    if (cursor === found) cursor = cursor.nextSibling;
    else from.insertBefore(found, cursor);
    morph(found, next);
  }
  while (cursor) cursor = removed(cursor);
}

/** The next sibling without a key that could become this node; none may be skipped that has one. */
function alike(cursor, next) {
  for (let node = cursor; node && !keyOf(node); node = node.nextSibling) if (node.nodeName === next.nodeName) return node;
  return null;
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined;
}

// ---- Where we are: #/view/id?only=…&type=…&search=…

function readPlace() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [view, ...rest] = path.split('/');
  const known = Object.hasOwn(VIEWS, view) ? view : 'sessions';
  const wanted = new URLSearchParams(query ?? '');
  const filters = Object.fromEntries(['only', 'type', 'search'].map((name) => [name, wanted.get(name) ?? '']));
  return { view: known, id: known === view && known !== 'controls' ? decode(rest.join('/')) : '', ...filters };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function address(view, id = '', filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`;
}

function filtersOf({ only, type, search }) {
  return { only, type, search };
}

/** A link to another thing keeps the list beside it, and its filters, where it is of the same list. */
function placeHref(place) {
  const [view, ...rest] = place.split('/');
  return address(view, rest.join('/'), view === shown.place.view ? filtersOf(shown.place) : {});
}

async function moved() {
  const before = shown.place;
  const place = readPlace();
  shown.place = place;
  if (address(before.view, '', filtersOf(before)) !== address(place.view, '', filtersOf(place))) shown.expanded = false;
  if (before.view !== place.view) Object.assign(shown, { rows: null, more: false });
  if (before.id !== place.id || before.view !== place.view) Object.assign(shown, { thing: null, missing: '' });
  if (before.view !== place.view || before.id !== place.id) say('');
  await refresh();
  const same = before.view === place.view;
  if (place.id && (before.id !== place.id || !same)) focus(document.querySelector('#detail h2'));
  else if (before.id && !place.id && same) focus(document.querySelector(`[data-row="${CSS.escape(before.id)}"]`));
  else if (!same) focus(document.querySelector('#list h1'));
}

function focus(node) {
  node?.focus();
}

// ---- Reading

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  const response = await fetch(path, { ...options, cache: 'no-store' });
  const type = response.headers.get('Content-Type') ?? '';
  const answer = type.startsWith('application/json') ? await response.json() : { error: await response.text() };
  if (response.ok) return answer;
  const error = new Error(answer.error?.message ?? answer.error ?? `The sandbox answered ${response.status}.`);
  throw Object.assign(error, { status: response.status });
}

let reading = null;
let again = false;

/** Read what is shown and draw it; while that is under way, another call only has it done once more. */
function refresh() {
  if (reading) {
    again = true;
    return reading;
  }
  reading = (async () => {
    try {
      do {
        again = false;
        await read();
      } while (again);
    } finally {
      reading = null;
    }
  })();
  return reading;
}

async function read() {
  const { place } = shown;
  const list = VIEWS[place.view].only ? `/sandbox/api/${place.view}?${rowsQuery(place)}` : null;
  const thing = place.id ? `/sandbox/api/${place.view}/${encodeURIComponent(place.id)}` : null;
  const missing = (error) => {
    if (error.status === 404) return { missing: error.message };
    throw error;
  };
  try {
    const [overview, page, found] = await Promise.all([
      ask('/sandbox/api/overview'),
      list && ask(list),
      thing && ask(thing).catch(missing),
    ]);
    if (place !== shown.place) {
      again = true;
      return;
    }
    shown.overview = { ...overview, read: performance.now() };
    Object.assign(shown, { rows: page?.rows ?? [], more: page?.more ?? false });
    Object.assign(shown, found?.missing ? { thing: null, missing: found.missing } : { thing: found, missing: '' });
    show();
  } catch (error) {
    if (error.status) say(error.message, true);
    else lost();
  }
}

function rowsQuery(place, more = {}) {
  const oldest = shown.expanded && shown.rows?.at(-1)?.seq;
  const wanted = { ...filtersOf(place), ...(oldest ? { down_to: oldest } : {}), ...more };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
}

async function readMore() {
  const { place } = shown;
  const last = shown.rows.at(-1);
  const page = await ask(`/sandbox/api/${place.view}?${rowsQuery(place, { before: last.seq, down_to: '' })}`);
  if (place !== shown.place) return;
  Object.assign(shown, { rows: [...shown.rows, ...page.rows], more: page.more, expanded: true });
  show();
  say(`${page.rows.length} more.`);
  if (!page.more) focus(document.querySelector(`[data-row="${CSS.escape(rowKey(page.rows[0] ?? last))}"]`));
}

// ---- Drawing

function show() {
  const active = document.activeElement;
  const home = active?.closest('[data-thing]')?.dataset.thing;
  const { place } = shown;
  const view = VIEWS[place.view];
  draw(document.getElementById('nav'), navigation());
  draw(document.getElementById('list'), place.view === 'controls' ? controls() : list(view));
  const detail = document.getElementById('detail');
  detail.hidden = !place.id;
  document.getElementById('main').classList.toggle('split', Boolean(place.id));
  draw(detail, place.id ? details(view) : []);
  tick();
  document.title = [place.id, view.title, 'Offline Stripe'].filter(Boolean).join(' – ');
  if (active && active !== document.body && !active.isConnected) {
    // The button that was pressed is gone, as what it did cannot be done twice: stay where it was.
    focus(home && document.querySelector(`[data-thing="${CSS.escape(home)}"] :is(h2, h3)`));
    if (document.activeElement === document.body) focus(document.querySelector('#detail h2, #list h1'));
  }
}

function navigation() {
  const counts = shown.overview?.counts ?? {};
  return h('ul', null, Object.entries(VIEWS).map(([name, { nav }]) => {
    const bad = name === 'deliveries' && counts.failed > 0;
    const troubled = name === 'controls' && shown.overview?.troubled;
    return h('li', { 'data-key': name },
      h('a', { href: address(name), 'aria-current': name === shown.place.view ? 'page' : null },
        nav,
        counts[name] === undefined ? null : h('span', { class: 'count', 'data-key': 'count' }, ` ${counts[name]}`),
        bad ? h('span', { class: 'count bad', 'data-key': 'bad' }, ` ${counts.failed} gone wrong`) : null,
        troubled ? h('span', { class: 'count bad', 'data-key': 'on' }, ' trouble is on') : null));
  }));
}

function list(view) {
  const { place, rows } = shown;
  const filtered = Boolean(place.only || place.type || place.search);
  return [
    h('h1', { tabindex: -1, 'data-key': `title ${place.view}` }, view.title),
    place.view === 'deliveries' ? receivers() : null,
    filters(view),
    rows === null ? h('p', { class: 'empty', 'data-key': 'loading' }, 'Loading …') : null,
    rows?.length === 0
      ? h('p', { class: 'empty', 'data-key': 'empty' }, filtered ? 'Nothing fits. Change or clear the filters.' : view.empty)
      : null,
    rows?.length ? h('ul', { class: `rows ${place.view}`, 'data-key': `rows ${place.view}` }, rows.map((row) => rowItem(row))) : null,
    shown.more ? h('p', { class: 'more', 'data-key': 'more' }, h('button', { type: 'button', 'data-do': 'more' }, 'Load more')) : null,
  ];
}

function filters(view) {
  const { place } = shown;
  const any = place.only || place.type || place.search;
  return h('form', { class: 'filters', role: 'search', 'data-form': 'filter', 'data-key': `filters ${place.view}` },
    h('label', null, 'Show ', picker('only', place.only, view.only)),
    view.types
      ? h('label', null, 'Type ', picker('type', place.type, [
        ['', 'All types'], ...(shown.overview?.types ?? []).map((type) => [type, type]),
      ]))
      : null,
    h('label', { class: 'grow' }, 'Search ', h('input', {
      type: 'search', name: 'search', value: place.search, placeholder: view.search, autocomplete: 'off', spellcheck: 'false',
    })),
    any ? h('button', { type: 'button', class: 'second', 'data-do': 'clear', 'data-key': 'clear' }, 'Clear') : null);
}

function picker(name, value, options) {
  const known = options.some(([each]) => each === value);
  const all = known ? options : [...options, [value, value]];
  return h('select', { name, 'data-value': value }, all.map(([each, text]) => h('option', { value: each, 'data-key': `=${each}` }, text)));
}

/** What the address calls a row: a delivery by its number, all others by their id. */
function rowKey(row) {
  return row.place.slice(row.place.indexOf('/') + 1);
}

function rowItem(row, linked = true) {
  const id = rowKey(row);
  const current = linked && id === shown.place.id;
  return h('li', { 'data-key': String(row.seq) },
    h('a', { class: 'row', href: placeHref(row.place), 'data-row': linked ? id : null, 'aria-current': current ? 'true' : null },
      h('span', { class: 'states' }, row.states.map(badge)),
      h('span', { class: 'title' }, row.title),
      h('span', { class: 'text' }, row.text, row.text ? ' ' : null, h('span', { class: 'id' }, row.id)),
      time(row.at)));
}

function badge(state) {
  return h('span', { class: `badge ${state.tone}` }, state.text);
}

function receivers() {
  const all = shown.overview?.receivers ?? [];
  return h('section', { class: 'receivers', 'data-key': 'receivers', 'aria-labelledby': 'receivers' },
    h('h2', { id: 'receivers' }, 'Who gets events'),
    all.length === 0
      ? h('p', { class: 'empty', 'data-key': 'empty' },
        'Nobody yet. Run ', h('code', null, 'stripe listen --forward-to …'), ' or make a webhook endpoint through the API.')
      : h('ul', { class: 'cards', 'data-key': 'all' }, all.map((each) => h('li', { 'data-key': each.id },
        h('p', { class: 'head' }, h('strong', null, each.title), ' ', each.states.map(badge)), facts(each)))));
}

function details(view) {
  const { place, thing, missing } = shown;
  const back = h('p', { class: 'back', 'data-key': 'back' },
    h('a', { href: address(place.view, '', filtersOf(place)), 'data-do': 'back' }, `Back to ${view.title.toLowerCase().replace('api', 'API').replace('checkout', 'Checkout')}`));
  if (!thing) {
    const text = missing || 'Loading …';
    return [back, h('h2', { tabindex: -1, 'data-key': `title ${place.id}` }, missing ? 'Not found' : place.id), h('p', { class: 'empty' }, text)];
  }
  return [back, article(thing, 2)];
}

function article(thing, level) {
  const heading = `h${Math.min(level, 6)}`;
  return h('article', { class: `thing level${level}`, 'data-thing': thing.id, 'data-key': `${thing.kind} ${thing.id}` },
    h('p', { class: 'kind' }, thing.kind),
    h(heading, { tabindex: -1, 'data-key': 'title' }, thing.title, ' ', thing.states.map(badge)),
    facts(thing),
    thing.actions.length ? h('div', { class: 'actions', 'data-key': 'actions' }, thing.actions.map(action)) : null,
    thing.note ? h('p', { class: 'note', 'data-key': 'note' }, thing.note) : null,
    thing.attempts.length ? attempts(thing) : null,
    thing.parts.map((part) => article(part, level + 1)),
    thing.body ? json(thing) : null,
    thing.rows.length ? about(thing, level) : null);
}

function facts(thing) {
  if (!thing.facts.length) return null;
  return h('dl', { class: 'facts', 'data-key': 'facts' }, thing.facts.map((fact, at) =>
    h('div', { 'data-key': `${fact.label} ${at}` }, h('dt', null, fact.label), h('dd', null, factValue(fact)))));
}

function factValue(fact) {
  if (fact.kind === 'time') return time(Number(fact.text), true);
  const text = fact.kind === 'text' ? h('span', null, fact.text) : h('code', null, fact.text);
  const value = fact.place ? h('a', { href: placeHref(fact.place) }, text) : text;
  return fact.kind === 'id' ? [value, ' ', copyButton(fact.text)] : value;
}

function copyButton(text, name = text) {
  return h('button', { type: 'button', class: 'copy', 'data-do': 'copy', 'data-text': text, 'aria-label': `Copy ${name}` }, 'Copy');
}

function action(each) {
  const given = JSON.stringify(each.given);
  const key = `${each.name} ${given}`;
  if (each.href) return h('a', { class: 'button', href: each.href, target: '_blank', rel: 'noreferrer', 'data-key': key }, each.label);
  const button = { type: 'button', 'data-do': 'act', 'data-name': each.name, 'data-given': given, 'data-key': key };
  if (!each.fields.length) return h('button', button, each.label);
  return h('form', { class: 'act', 'data-form': 'act', 'data-name': each.name, 'data-given': given, 'data-key': key },
    each.fields.map((field) => h('label', null, h('span', null, field.label, field.hint ? h('small', null, ` (${field.hint})`) : null), h('input', {
        name: field.name, value: field.value, autocomplete: 'off', class: field.name,
      }))),
    h('button', { type: 'submit' }, each.label));
}

function attempts(thing) {
  return h('ol', { class: 'attempts', reversed: true, 'data-key': 'attempts', 'aria-label': 'Attempts, the latest first' },
    thing.attempts.map((each) => h('li', { 'data-key': String(each.id) },
      h('p', null, badge(each.state), ' ', time(each.at), h('span', { class: 'took' }, ` took ${duration(each.seconds)}`)),
      each.text ? h('p', { class: 'why', 'data-key': 'why' }, each.text) : null,
      each.url ? h('p', { class: 'id', 'data-key': 'url' }, each.url) : null,
      each.response
        ? h('details', { 'data-key': 'answer' }, h('summary', null, 'What it answered'), block(each.response, 'What it answered'))
        : null)));
}

function json(thing) {
  const text = JSON.stringify(thing.body, null, 2);
  return h('details', { class: 'json', 'data-key': 'json' },
    h('summary', null, `JSON of the ${thing.kind[0].toLowerCase()}${thing.kind.slice(1)}`.replace('checkout', 'Checkout')),
    copyButton(text, `the JSON of ${thing.id}`),
    block(text, `JSON of ${thing.id}`));
}

/** Text that may be wider than the page: it can be scrolled by keyboard as well. */
function block(text, name) {
  return h('pre', { tabindex: 0, role: 'group', 'aria-label': name }, text);
}

function about(thing, level) {
  return h('section', { class: 'about', 'data-key': 'about' },
    h(`h${Math.min(level + 1, 6)}`, null, 'Events about it'),
    h('ul', { class: 'rows', 'data-key': 'rows' }, thing.rows.map((row) => rowItem(row, false))));
}

function controls() {
  const overview = shown.overview;
  return [
    h('h1', { tabindex: -1, 'data-key': 'title controls' }, 'Clock and trouble'),
    overview ? [clockPanel(overview), troublePanel(overview.trouble, overview.troubled)] : h('p', { class: 'empty', 'data-key': 'loading' }, 'Loading …'),
  ];
}

function clockPanel(overview) {
  const ahead = overview.offset < 1 ? 'It runs with this machine’s clock.' : `It is ${span(overview.offset)} ahead of this machine’s clock.`;
  return h('section', { class: 'panel', 'data-key': 'clock', 'aria-labelledby': 'clock-title' },
    h('h2', { id: 'clock-title' }, 'Clock'),
    h('p', null, ahead, ' Advancing it lets everything happen that is due until then: sessions expire, debits settle, webhooks are tried again. It cannot go back.'),
    h('div', { class: 'actions' },
      STEPS.map(([advance, text]) => h('button', { type: 'button', 'data-do': 'advance', 'data-advance': advance, 'data-key': advance }, `Advance ${text}`)),
      h('form', { class: 'act', 'data-form': 'advance', 'data-key': 'typed' },
        h('label', null, h('span', null, 'Advance by ', h('small', null, '(90s, 30m, 12h, 3d)')),
          h('input', { name: 'advance', value: '30m', autocomplete: 'off' })),
        h('button', { type: 'submit' }, 'Advance'))));
}

function troublePanel(trouble, on) {
  const number = ([name, label, unit, nothing]) => h('label', { 'data-key': name }, h('span', null, label), h('span', { class: 'unit' },
    h('input', { name, value: trouble[name] ?? '', inputmode: 'decimal', autocomplete: 'off', placeholder: nothing ?? '0', 'data-empty': nothing ? 'null' : '0' }), unit ? ` ${unit}` : null));
  return h('section', { class: 'panel', 'data-key': 'trouble', 'aria-labelledby': 'trouble-title' },
    h('h2', { id: 'trouble-title' }, 'Planned trouble ', badge(on ? { text: 'On', tone: 'bad' } : { text: 'Off', tone: 'quiet' })),
    h('p', null, 'What goes wrong on purpose, so that a shop shows how it copes. Shares are in percent.'),
    h('form', { 'data-form': 'trouble' },
      TROUBLE.map(([legend, fields]) => h('fieldset', { 'data-key': legend }, h('legend', null, legend), h('div', { class: 'grid' },
        fields.map(number),
        legend === 'API requests' ? [
          h('label', { 'data-key': 'effect' }, h('span', null, 'Strikes'), picker('api_effect', trouble.api_effect, [
            ['either', 'before or after the effect'], ['before', 'before the effect'], ['after', 'after the effect'],
          ])),
          h('label', { class: 'check', 'data-key': 'stored' }, h('input', { type: 'checkbox', name: 'api_500_stored', checked: trouble.api_500_stored }),
            ' A server error is repeated for the same idempotency key'),
        ] : null))),
      h('div', { class: 'actions' },
        h('button', { type: 'submit' }, 'Apply'),
        h('button', { type: 'button', class: 'second', 'data-do': 'preset' }, 'A bad day'),
        h('button', { type: 'button', class: 'second', 'data-do': 'calm' }, 'Switch all off'))));
}

// ---- Times

const SHORT = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DATED = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** Seconds since the epoch on the sandbox's clock, now. */
function sandboxNow() {
  const { now, read } = shown.overview;
  return now + (performance.now() - read) / 1000;
}

function time(seconds, full = false) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h('time', null, '');
  const today = shown.overview && date.toDateString() === new Date(sandboxNow() * 1000).toDateString();
  const text = full ? FULL.format(date) : today ? SHORT.format(date) : DATED.format(date);
  return h('time', { datetime: date.toISOString(), title: FULL.format(date) }, text);
}

function duration(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

function span(seconds) {
  const units = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']];
  const parts = [];
  let left = seconds < 3600 ? Math.round(seconds) : Math.round(seconds / 60) * 60;
  for (const [size, name] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.slice(0, 2).join(' and ') || 'nothing';
}

function tick() {
  const clock = document.getElementById('clock');
  if (!shown.overview) return;
  const text = `${FULL.format(new Date(sandboxNow() * 1000))}${shown.overview.offset >= 1 ? `, ${span(shown.overview.offset)} ahead` : ''}`;
  if (clock.textContent !== text) clock.textContent = text;
}

// ---- Letting things happen

const said = document.getElementById('said');
const failed = document.getElementById('failed');

/** Tell what an action did, or why it could not. */
function say(text, wrong = false) {
  said.textContent = wrong ? '' : text;
  failed.textContent = wrong ? text : '';
  document.querySelector('[data-do="dismiss"]').hidden = !text;
}

/** Do it once, however often its button is pressed meanwhile; then show what came of it. */
async function once(button, work) {
  if (button?.getAttribute('aria-disabled') === 'true') return;
  button?.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } catch (error) {
    say(error.status ? error.message : 'The sandbox does not answer. It was not told of this.', true);
  } finally {
    button?.removeAttribute('aria-disabled');
  }
}

async function act(name, given, form) {
  const answer = await ask(`/sandbox/api/act/${name}`, given);
  say(answer.said);
  form?.reset();
  await refresh();
}

async function advance(by) {
  say('Advancing the clock …');
  const { now } = await ask('/sandbox/clock', { advance: by });
  say(`It is now ${FULL.format(new Date(now * 1000))}.`);
  await refresh();
}

async function setTrouble(change, text, form) {
  await ask('/sandbox/chaos', change);
  form?.reset();
  say(text);
  await refresh();
}

function readTrouble(form) {
  const change = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === 'checkbox') change[field.name] = field.checked;
    else if (field.nodeName === 'SELECT') change[field.name] = field.value;
    else change[field.name] = readNumber(field);
  }
  return change;
}

function readNumber(field) {
  const text = field.value.trim().replace(',', '.');
  if (!text) return JSON.parse(field.dataset.empty);
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/** Trouble as it is when none is planned: what the sandbox itself takes for calm. */
async function calm() {
  const response = await fetch('/sandbox/chaos', { method: 'DELETE' });
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  document.querySelector('form[data-form="trouble"]')?.reset();
  say('All trouble is off.');
  await refresh();
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only pages of a secure origin may use the clipboard; 127.0.0.1 is one, another name may not be.
    const area = h('textarea', { readonly: true }, text);
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  say(text.length > 80 ? 'Copied.' : `Copied ${text}`);
}

function applyFilters(form) {
  const data = Object.fromEntries(new FormData(form));
  location.replace(address(shown.place.view, shown.place.id, filtersOf({ only: '', type: '', search: '', ...data })));
}

const DO = {
  act: (button) => act(button.dataset.name, JSON.parse(button.dataset.given)),
  advance: (button) => advance(button.dataset.advance),
  calm,
  clear: () => {
    location.replace(address(shown.place.view, shown.place.id));
    focus(document.querySelector('.filters input'));
  },
  copy: (button) => copy(button.dataset.text, button),
  dismiss: () => {
    say('');
    focus(document.getElementById('main'));
  },
  more: readMore,
  preset: () => setTrouble(PRESET, 'A bad day has begun: duplicates, wrong order, lost answers.'),
  skip: () => focus(document.getElementById('main')),
};

const SUBMIT = {
  act: (form) => act(form.dataset.name, { ...JSON.parse(form.dataset.given), ...Object.fromEntries(new FormData(form)) }, form),
  advance: (form) => advance(form.elements.advance.value),
  filter: (form) => applyFilters(form),
  trouble: (form) => setTrouble(readTrouble(form), 'Planned trouble is set.', form),
};

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-do]') : null;
  const work = button && DO[button.dataset.do];
  if (!work) return;
  event.preventDefault();
  once(button, () => work(button));
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  once(event.target.querySelector('[type="submit"]'), () => SUBMIT[event.target.dataset.form](event.target));
});

let typing = 0;
document.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-form="filter"]');
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => form.isConnected && applyFilters(form), event.target.nodeName === 'SELECT' ? 0 : TYPING_MS);
});

document.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { target, key } = event;
  if (key === 'Escape' && shown.place.id && !target.closest('input, select, textarea')) {
    location.hash = address(shown.place.view, '', filtersOf(shown.place));
  } else if ((key === 'ArrowDown' || key === 'ArrowUp') && target.matches('a.row')) {
    const rows = [...target.closest('ul').querySelectorAll('a.row')];
    const next = rows[rows.indexOf(target) + (key === 'ArrowDown' ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

// ---- Staying up to date

let changes = null;
let tries = 0;
let later = 0;
let waiting = 0;
let shownAt = -REFRESH_MS;

function connect() {
  clearTimeout(later);
  changes?.close();
  changes = new EventSource('/sandbox/api/changes');
  changes.onopen = () => {
    tries = 0;
    setLive('live');
  };
  changes.onmessage = () => {
    // The first of many changes in a row is shown at once, the others together.
    waiting ||= setTimeout(() => {
      waiting = 0;
      shownAt = performance.now();
      refresh();
    }, Math.max(0, shownAt + REFRESH_MS - performance.now()));
  };
  changes.onerror = lost;
}

/** The sandbox went away, perhaps only to start again. */
function lost() {
  setLive('lost');
  changes?.close();
  clearTimeout(later);
  if (document.hidden) return;
  later = setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
  tries += 1;
}

function setLive(now) {
  if (now === live) return;
  live = now;
  const node = document.getElementById('live');
  node.className = now;
  node.textContent = now === 'live' ? 'Live' : 'Connection lost, trying again …';
}

// A browser allows few connections to one address: a page that nobody looks at takes none.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    clearTimeout(later);
    changes?.close();
  } else {
    connect();
  }
});
addEventListener('hashchange', () => moved());
setInterval(tick, 1000);
shown.rows = null;
show();
connect();
