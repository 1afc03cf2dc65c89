// The report's script: pictures to sort, filter and look at; the dial; tables that sort. What it shows of the data is set as text,
// never as HTML.
'use strict';
(() => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const data = read('data');
  const images = read('images');
  const $ = id => document.getElementById(id);
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const [ACTIVATION, WITNESS] = [0, 1];
  // [unit, method, seed, facet, id, figures]; unit, method and seed are places in the lists of these.
  const pictures = data.pictures.map(([unit, method, seed, facet, id, figures], at) =>
    ({ at, unit, method, seed, facet, id, figures }));
  const facets = pictures.some(picture => picture.facet > 0);

  const raised = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' };
  // A half goes to the even neighbour, as in the tables; JavaScript takes it away from 0.
  const fixed = (value, digits) => {
    const [text, more] = [value.toFixed(digits), value.toFixed(digits + 1)];
    const half = more.endsWith('5') && value * 2 ** (digits + 1) % 1 === 0;
    return half && /[13579]$/.test(text) ? more.slice(0, -1).replace(/\.$/, '') : text;
  };
  const figure = value => {
    if (value === null || value === undefined) return 'not computed';
    if (value === 0) return '0';
    // The power of ten after rounding: 9.996 is 10.0.
    const power = Number(value.toExponential(2).split('e')[1]);
    if (power >= -3 && power < 5) return fixed(value, Math.max(2 - power, 0)).replace('-', '−');
    const [mantissa, exponent] = value.toExponential(1).split('e');
    return `${mantissa}×10${[...exponent.replace('+', '')].map(c => raised[c]).join('')}`.replace('-', '−');
  };

  const source = at => {
    const image = images.pictures[at];
    return image && `data:image/jpeg;base64,${images.heads[image[0]]}${image[1]}`;
  };
  const seed = picture => `seed ${data.seeds[picture.seed]}${facets ? `, facet ${picture.facet}` : ''}`;
  const told = picture => `${data.units[picture.unit].name}, ${data.methods[picture.method].name}, ${seed(picture)}, ` +
    `activation ${figure(picture.figures[ACTIVATION])}`;
  const shown = picture => {
    const src = source(picture.at);
    return src ? make('img', { src, alt: told(picture), decoding: 'async' })
      : make('span', { className: 'missing', textContent: 'no picture', role: 'img', ariaLabel: `${told(picture)}: the picture is missing` });
  };
  const option = (value, text) => make('option', { value, textContent: text });

  // ---- At a glance: a few units by a few methods

  {
    const [ROWS, COLUMNS] = [4, 8];
    const first = new Map();
    for (const picture of pictures) {
      const key = `${picture.unit} ${picture.method}`;
      if (images.pictures[picture.at] && !(first.get(key)?.seed <= picture.seed)) first.set(key, picture);
    }
    let methods = data.methods.map((_, i) => i).filter(i => data.methods[i].kind !== 'control');
    // Where there is no room for all: the baseline, and some from the least to the most legible.
    if (methods.length > COLUMNS) {
      const [first, others] = [methods.filter(i => i === data.baseline), methods.filter(i => i !== data.baseline)];
      others.sort((a, b) => (data.methods[a].legible ?? 0) - (data.methods[b].legible ?? 0));
      const room = COLUMNS - first.length;
      methods = [...first, ...Array.from({ length: room }, (_, i) => others[Math.round(i * (others.length - 1) / (room - 1))])];
    }
    const filled = unit => methods.filter(method => first.has(`${unit} ${method}`)).length;
    const units = data.units.map((_, i) => i).filter(filled).sort((a, b) => filled(b) - filled(a) || a - b);
    const chosen = Array.from({ length: Math.min(ROWS, units.length) }, (_, i) => i);
    const cell = (unit, method) => {
      const picture = first.get(`${unit} ${method}`);
      return make('td', {}, picture ? shown(picture) : make('span', { className: 'missing', textContent: 'no picture' }));
    };
    const head = make('tr', {}, make('th', { scope: 'col' }, make('span', { className: 'unseen', textContent: 'unit' })),
      ...methods.map(i => make('th', { scope: 'col', textContent: data.methods[i].name })));
    // As wide as the page has room for.
    $('glanced').style.setProperty('--columns', methods.length);
    $('glanced').append(make('thead', {}, head), make('tbody', {}, ...chosen.map(i => units[i]).map(unit =>
      make('tr', {}, make('th', { scope: 'row', textContent: data.units[unit].name }), ...methods.map(method => {
        const shown = cell(unit, method);
        // On a narrow screen methods stand beneath the pictures.
        shown.dataset.of = data.methods[method].name;
        return shown;
      })))));
    $('glance').hidden = chosen.length === 0 || methods.length === 0;
  }

  // ---- All pictures

  const sort = $('sort');
  sort.append(option('unit', 'unit'), option('method', 'method'), ...data.metrics.map((metric, i) => option(i, metric.name)));
  const seeds = [...data.seeds.keys()];
  $('filter-seed').append(option('', 'all'), ...seeds.map(place => option(place, data.seeds[place])));
  const checkbox = (value, text) => make('label', {}, make('input', { type: 'checkbox', checked: true, value }), ` ${text}`);
  const kinds = { run: 'this program', foreign: 'other tools', control: 'the comparison (controls)' };
  const there = new Set(data.methods.map(method => method.kind));
  $('filter-kind').append(...Object.keys(kinds).filter(kind => there.has(kind)).map(kind => checkbox(kind, kinds[kind])));
  $('filter-kind').hidden = there.size < 2;
  $('filter-method').append(...data.methods.map((method, i) => checkbox(i, method.name)));
  const ticked = id => new Set([...$(id).querySelectorAll('input:checked')].map(input => input.value));

  let order = pictures;
  let pages = [];
  let page = 0;
  let backwards = false;

  const chosen = () => {
    const words = $('filter-unit').value.toLowerCase().split(/\s+/).filter(Boolean);
    const [methods, of] = [ticked('filter-method'), ticked('filter-kind')];
    const only = $('filter-seed').value;
    const units = data.units.map(unit => words.every(word => unit.long.toLowerCase().includes(word)));
    $('methods-chosen').textContent = methods.size === data.methods.length ? '(all)' : `(${methods.size} of ${data.methods.length})`;
    return pictures.filter(picture => units[picture.unit] && methods.has(String(picture.method)) &&
      of.has(data.methods[picture.method].kind) && (only === '' || picture.seed === Number(only)));
  };

  const compare = (keys, turned) => (a, b) => {
    for (const [i, key] of keys.entries()) {
      const [x, y] = [key(a), key(b)];
      // What was not computed comes last, either way.
      if (x === null || y === null) { if (x !== y) return x === null ? 1 : -1; continue; }
      if (x !== y) return (x < y ? -1 : 1) * (i === 0 && turned ? -1 : 1);
    }
    return 0;
  };
  const [byUnit, byMethod, bySeed, byFacet] = ['unit', 'method', 'seed', 'facet'].map(name => picture => picture[name]);

  // Pages end with a unit or a method where one sorts by these, unless it has very many pictures.
  const PAGE = 120;
  const MOST = 400;
  const divided = key => {
    const pages = [[]];
    for (const picture of order) {
      const last = pages.at(-1);
      const ends = key === null || (last.length > 0 && key(last.at(-1)) !== key(picture));
      if ((last.length >= PAGE && ends) || last.length >= MOST) pages.push([picture]);
      else last.push(picture);
    }
    return pages;
  };

  const arrange = () => {
    const by = sort.value;
    const main = by === 'unit' ? [byUnit, byMethod, bySeed, byFacet] : by === 'method' ? [byMethod, byUnit, bySeed, byFacet]
      : [picture => picture.figures[Number(by)], byUnit, byMethod, bySeed, byFacet];
    order = chosen().sort(compare(main, backwards));
    pages = divided(by === 'unit' ? byUnit : by === 'method' ? byMethod : null);
    const named = by === 'unit' || by === 'method';
    $('turn').textContent = named ? (backwards ? 'reversed' : 'in order') : backwards ? 'highest first' : 'lowest first';
    turnTo(0);
  };

  const tile = (picture, place, long) => {
    const lines = long ? [data.units[picture.unit].name, data.methods[picture.method].name, seed(picture)] : [];
    const by = Number(sort.value);
    const figures = [['a', ACTIVATION], ['p', WITNESS]].map(([letter, i]) => `${letter} ${figure(picture.figures[i])}`);
    if (by > WITNESS) figures.push(figure(picture.figures[by]));
    const button = make('button', { type: 'button', className: long ? 'tile long' : 'tile' }, shown(picture),
      ...lines.map(line => make('span', { textContent: line, title: line, className: 'name' })),
      ...figures.map(text => make('span', { textContent: text })));
    button.dataset.place = place;
    return button;
  };

  const turnTo = number => {
    page = Math.max(0, Math.min(number, pages.length - 1));
    const named = sort.value === 'unit' || sort.value === 'method';
    const [outer, inner] = sort.value === 'unit' ? ['unit', 'method'] : ['method', 'unit'];
    const name = (of, place) => of === 'unit' ? data.units[place].long : data.methods[place].name;
    const grid = make('div', { className: named ? 'grouped' : 'flat' });
    let before = pages.slice(0, page).reduce((sum, one) => sum + one.length, 0);
    let [box, row, last] = [null, null, null];
    for (const picture of pages[page]) {
      if (named && (last === null || last[outer] !== picture[outer])) {
        box = make('div', { className: 'rows' });
        grid.append(make('h3', { textContent: name(outer, picture[outer]) }), box);
        last = null;
      }
      if (named && (last === null || last[inner] !== picture[inner])) {
        row = make('div', { className: 'tiles' });
        const control = data.methods[picture.method].kind === 'control';
        box.append(make('div', { className: control ? 'row control' : 'row' }, make('h4', { textContent: name(inner, picture[inner]) }), row));
      }
      (named ? row : grid).append(tile(picture, before++, !named));
      last = picture;
    }
    $('grid').replaceChildren(grid);
    const of = pictures.length.toLocaleString('en');
    $('count').textContent = order.length === 0 ? 'No picture is like that.' : `${order.length.toLocaleString('en')} of ${of} pictures`;
    for (const id of ['pager-top', 'pager']) {
      const go = (text, to, label) => {
        const button = make('button', { type: 'button', textContent: text, disabled: to < 0 || to >= pages.length, ariaLabel: label });
        button.addEventListener('click', () => {
          turnTo(to);
          if (id === 'pager') $('filters').scrollIntoView();
          // The buttons are new ones: the focus goes to the same, or to the other one at an end.
          const buttons = [...$(id).querySelectorAll('button:not(:disabled)')];
          (buttons.find(button => button.ariaLabel === label) ?? buttons[0])?.focus({ preventScroll: true });
        });
        return button;
      };
      $(id).replaceChildren(...(pages.length < 2 ? [] : [go('←', page - 1, 'Previous page'),
        ` page ${page + 1} of ${pages.length} `, go('→', page + 1, 'Next page')]));
    }
  };

  sort.addEventListener('change', () => {
    // Of figures the best are asked for first: the highest, unless less is better.
    backwards = !['unit', 'method'].includes(sort.value) && !data.metrics[Number(sort.value)].down;
    arrange();
  });
  $('turn').addEventListener('click', () => { backwards = !backwards; arrange(); });
  $('filters').addEventListener('submit', event => event.preventDefault());
  let soon = 0;
  $('filter-unit').addEventListener('input', () => { clearTimeout(soon); soon = setTimeout(arrange, 120); });
  for (const id of ['filter-seed', 'filter-kind', 'filter-method']) $(id).addEventListener('change', arrange);
  for (const [id, on] of [['all-methods', true], ['no-methods', false]]) {
    $(id).addEventListener('click', () => {
      $('filter-method').querySelectorAll('input').forEach(input => { input.checked = on; });
      arrange();
    });
  }

  // ---- One picture

  const viewer = $('viewer');
  let viewed = 0;
  const view = place => {
    viewed = Math.max(0, Math.min(place, order.length - 1));
    const picture = order[viewed];
    $('viewer-title').textContent = `${data.units[picture.unit].long}, ${data.methods[picture.method].name}, ${seed(picture)}`;
    $('viewer-picture').replaceChildren(shown(picture));
    const row = (name, value, meaning) => make('tr', { title: meaning }, make('th', { scope: 'row', textContent: name }), make('td', { textContent: value }));
    $('viewer-figures').replaceChildren(...data.metrics.map((metric, i) => row(metric.name, figure(picture.figures[i]), metric.meaning)),
      row('picture', picture.id, 'its record or row'));
    // Not disabled: that would take the focus from the button that was just pressed.
    $('previous').ariaDisabled = viewed === 0;
    $('next').ariaDisabled = viewed === order.length - 1;
  };
  $('grid').addEventListener('click', event => {
    const button = event.target.closest('.tile');
    if (!button) return;
    view(Number(button.dataset.place));
    viewer.showModal();
  });
  $('close').addEventListener('click', () => viewer.close());
  $('previous').addEventListener('click', () => view(viewed - 1));
  $('next').addEventListener('click', () => view(viewed + 1));
  viewer.addEventListener('click', event => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener('keydown', event => {
    if (event.key === 'ArrowLeft') view(viewed - 1);
    if (event.key === 'ArrowRight') view(viewed + 1);
  });

  // ---- The dial

  const range = $('dial-range');
  const found = new Map();
  for (const picture of pictures) {
    const key = `${picture.unit} ${picture.method} ${picture.seed}`;
    if (!found.has(key)) found.set(key, picture);
  }
  // Pictures along a dial; a place may be empty.
  const along = (dial, unit, seed) => dial.methods.map(([method]) => found.get(`${unit} ${method} ${seed}`));
  const dials = data.dials.filter(dial => dial.methods.length > 1);
  let way = [];
  let dial = null;

  const setDial = () => {
    dial = dials[Number($('dial-choice').value)];
    const units = data.units.map((_, i) => i).filter(i => seeds.some(seed => along(dial, i, seed).filter(Boolean).length > 1));
    const kept = $('dial-unit').value;
    $('dial-unit').replaceChildren(...units.map(i => option(i, data.units[i].name)));
    if (units.includes(Number(kept)) && kept !== '') $('dial-unit').value = kept;
    range.max = dial.methods.length - 1;
    range.value = Math.min(Number(range.value), dial.methods.length - 1);
    $('dial-label').textContent = dial.name;
    $('dial-ticks').replaceChildren(...dial.methods.map(([, value]) => make('span', { textContent: value })));
    setUnit();
  };
  const setUnit = () => {
    const unit = Number($('dial-unit').value);
    const kept = $('dial-seed').value;
    const with_ = seeds.filter(seed => along(dial, unit, seed).some(Boolean));
    $('dial-seed').replaceChildren(...with_.map(place => option(place, data.seeds[place])));
    if (with_.map(String).includes(kept)) $('dial-seed').value = kept;
    setSeed();
  };

  const draw = (tag, attributes, text) => {
    // The page's plots know the name of SVG's language.
    const element = document.createElementNS(curve.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const curve = make('div', { innerHTML: '<svg viewBox="0 0 320 190" role="img" class="curve"></svg>' }).firstChild;
  $('dial-curve').append(curve);
  let places = [];
  const setSeed = () => {
    way = along(dial, Number($('dial-unit').value), Number($('dial-seed').value));
    const known = way.filter(picture => picture && picture.figures[ACTIVATION] !== null && picture.figures[WITNESS] !== null);
    const scale = (values, from, to) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return value => high > low ? from + (value - low) / (high - low) * (to - from) : (from + to) / 2;
    };
    const x = scale(known.map(picture => picture.figures[WITNESS]), 48, 300);
    const y = scale(known.map(picture => picture.figures[ACTIVATION]), 140, 26);
    places = way.map(picture => known.includes(picture) ? [x(picture.figures[WITNESS]), y(picture.figures[ACTIVATION])] : null);
    const path = places.filter(Boolean).map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
    const ends = (i, where) => known.length ? figure(where(...known.map(picture => picture.figures[i]))) : '';
    curve.replaceChildren(
      draw('path', { d: 'M36 14V152H312', class: 'axis' }),
      draw('path', { d: path || 'M0 0', class: 'line' }),
      ...places.filter(Boolean).map(([x, y]) => draw('circle', { cx: x.toFixed(1), cy: y.toFixed(1), r: 3.5, class: 'stop' })),
      draw('circle', { r: 7, class: 'mark', cx: -20, cy: -20 }),
      draw('text', { x: 42, y: 12 }, `activation ${ends(ACTIVATION, Math.min)} to ${ends(ACTIVATION, Math.max)}`),
      draw('text', { x: 312, y: 170, 'text-anchor': 'end' }, `${data.whose} ${ends(WITNESS, Math.min)} to ${ends(WITNESS, Math.max)}`));
    curve.setAttribute('aria-label', `Activation against the ${data.whose} of ${data.units[Number($('dial-unit').value)]?.name}, along the dial`);
    turn();
  };
  const turn = () => {
    const at = Number(range.value);
    const [method, value] = dial.methods[at];
    const picture = way[at];
    $('turned').replaceChildren(picture ? shown(picture) : make('span', { className: 'missing', textContent: 'no picture' }));
    const facts = [[dial.setting, String(value)], ['activation', figure(picture?.figures[ACTIVATION])],
      [data.whose, figure(picture?.figures[WITNESS])]];
    $('dial-readout').replaceChildren(...facts.map(([name, text]) => make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: text }))));
    range.setAttribute('aria-valuetext', `${data.methods[method].name}: ` + facts.slice(1).map(fact => fact.join(' ')).join(', '));
    const mark = curve.querySelector('.mark');
    const [x, y] = places[at] ?? [-20, -20];
    mark.setAttribute('cx', x.toFixed(1));
    mark.setAttribute('cy', y.toFixed(1));
    [...$('dial-ticks').children].forEach((tick, i) => tick.classList.toggle('here', i === at));
  };
  if (dials.length > 0) {
    $('dial').hidden = false;
    $('dial-choice').append(...dials.map((one, i) => option(i, one.name)));
    $('dial-choice').addEventListener('change', setDial);
    $('dial-unit').addEventListener('change', setUnit);
    $('dial-seed').addEventListener('change', setSeed);
    range.addEventListener('input', turn);
    setDial();
  }

  // ---- Tables

  const sortable = table => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => heading.firstChild.addEventListener('click', () => {
      const key = row => row.cells[column]?.dataset.by === undefined ? null : Number(row.cells[column].dataset.by);
      // Of figures the highest are asked for first, of names the first.
      const figures = [...table.tBodies].some(body => [...body.rows].some(row => key(row) !== null));
      const first = figures ? 'descending' : 'ascending';
      const next = heading.ariaSort === first ? (figures ? 'ascending' : 'descending') : first;
      headings.forEach(other => { other.ariaSort = 'none'; });
      heading.ariaSort = next;
      const turned = next === 'ascending' ? 1 : -1;
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter(row => !row.classList.contains('part'));
        rows.sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          if (x !== null && y !== null) return (x - y) * turned;
          if (x !== null || y !== null) return x === null ? 1 : -1;
          return a.cells[column].textContent.localeCompare(b.cells[column].textContent, 'en', { numeric: true }) * turned;
        });
        body.append(...rows);
      }
    }));
  };
  document.querySelectorAll('table').forEach(table => { if (table.tHead && table.id !== 'glanced') sortable(table); });

  arrange();
})();
