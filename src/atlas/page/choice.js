// What is shown and what is picked out: layout, search, filters, colours, selection.
const filters = [];
const looks = [];
if (given.has('map')) looks.push(['map', 'Map']);
if (given.has('components')) looks.push(['components', 'Components']);
looks.push(['grid', 'Grid']);
if (ordered.some(column => column.name !== 'row')) looks.push(['time', 'Time line'], ['ranked', 'Ranked']);
const chosen = { layout: looks[0][0], time: null, ranked: null, lowest: false };
let hits = null;

const numberOf = text => text.toLocaleString('en');
const tell = () => {
  const [shown, picked] = [state.shown.length, scene.picked];
  const some = shown === count ? `${numberOf(count)} pictures` : `${numberOf(shown)} of ${numberOf(count)} pictures`;
  $('told').textContent = picked ? `${some}, ${numberOf(picked)} selected` : some;
  $('clear').disabled = $('save-selection').disabled = picked === 0;
};
const visible = () => {
  const rows = [];
  for (let row = 0; row < count; row++) if ((!hits || hits[row]) && filters.every(filter => filter.keeps(row))) rows.push(row);
  return rows;
};
const laidOut = rows => {
  const { layout } = chosen;
  if (layout === 'grid') return asGrid(rows, 'map');
  if (layout === 'time') return asTime(rows, columnOf(chosen.time));
  if (layout === 'ranked') return asRanked(rows, columnOf(chosen.ranked), chosen.lowest);
  return asMap(rows, layout);
};
const update = (keepCamera = false) => {
  const rows = visible();
  const key = chosen.layout === 'time' ? `time ${chosen.time}` : chosen.layout === 'ranked' ? `ranked ${chosen.ranked} ${chosen.lowest}` : chosen.layout;
  show(key, laidOut(rows), rows, keepCamera && ['map', 'components'].includes(chosen.layout));
  $('empty').hidden = rows.length > 0;
  $('along').hidden = !['time', 'ranked'].includes(chosen.layout);
  $('lowest-tick').hidden = chosen.layout !== 'ranked';
  const likeness = chosen.layout === 'ranked' && chosen.ranked.startsWith('likeness: ');
  const { classifier, layer, distance, map } = data.about;
  const how = map.distance ? `, ${map.distance} distance` : '';
  const seed = map.seed === null || map.seed === undefined ? '' : `, seed ${map.seed}`;
  const of = { map: `UMAP of layer ${layer} of ${classifier}${how}${seed}.`, components: `Two principal components of layer ${layer} of ${classifier}.` };
  of.grid = given.has('map') ? `The map's pictures in cells of their own. ${of.map}` : 'In the order of the files.';
  of.time = `Stacked by ${chosen.time}.`;
  of.ranked = likeness ? `By how like that method's pictures they are in layer ${layer} of ${classifier}: ${data.about.likeness}.` : `By ${chosen.ranked}, read from left to right.`;
  $('of').textContent = of[chosen.layout];
  $('near-by').textContent = data.neighbours ? `Nearest photographs are by ${distance} distance in layer ${layer}.` : '';
  tell();
  legend();
};
const choose = layout => {
  chosen.layout = layout;
  for (const button of $('looks').children) button.ariaPressed = String(button.value === layout);
  if (['time', 'ranked'].includes(layout)) {
    const options = ordered.map(column => make('option', { value: column.name, textContent: column.name === 'row' ? 'row (order of files)' : column.name }));
    $('column').replaceChildren(...options);
    const usual = ordered.find(column => layout === 'time' ? /year|date|time/i.test(column.name) : /^likeness: |activation|score/i.test(column.name));
    const own = ['row', 'width', 'height', 'duplicate_of'];
    chosen[layout] ??= (usual ?? ordered.find(column => !own.includes(column.name)) ?? ordered.find(column => column.name !== 'row') ?? ordered[0]).name;
    $('column').value = chosen[layout];
    $('column-label').textContent = layout === 'time' ? 'Along' : 'By';
  }
  update();
};

// ---- Colours by a column, and what they mean

let colouring = null;
const legend = () => {
  const list = [];
  if (data.methods.length) {
    const shown = new Set(state.shown);
    data.methods.forEach((method, at) => {
      const many = frameOf.reduce((sum, of, row) => sum + (of === at && shown.has(row) ? 1 : 0), 0);
      list.push([MADE[at % MADE.length], method, many, 'made']);
    });
  }
  if (colouring) {
    const counts = countsOf(colouring.categories, state.shown);
    for (const [value, colour] of colouring.colours) list.push([colour, colouring.categories.names[value], counts[value], '']);
    if (colouring.rest) list.push(['#8888', `${colouring.rest} others`, '', '']);
  }
  $('legend').replaceChildren(...list.map(([colour, name, many, kind]) => {
    const swatch = make('span', { className: `swatch ${kind}` });
    swatch.style.borderColor = colour;
    return make('li', {}, swatch, make('span', { className: 'of', textContent: name, title: name }), make('span', { className: 'many', textContent: many }));
  }));
  $('legend').hidden = list.length === 0;
};
const colourBy = name => {
  const column = columnOf(name);
  colouring = null;
  if (column) {
    const categories = categoriesOf(column);
    const counts = countsOf(categories, Array.from({ length: count }, (_, row) => row));
    const most = [...counts.keys()].sort((a, b) => counts[b] - counts[a] || a - b).slice(0, COLOURS.length).sort((a, b) => a - b);
    colouring = { categories, colours: new Map(most.map((value, at) => [value, COLOURS[at]])), rest: categories.names.length - most.length };
  }
  scene.colour = colouring && (row => colouring.colours.get(colouring.categories.values[row]) ?? null);
  staleTiles();
  legend();
  redraw();
};

// ---- Filters

const filterBy = name => {
  const column = columnOf(name);
  if (!column || filters.some(filter => filter.name === name)) return;
  const box = make('fieldset', { className: 'filter' }, make('legend', { textContent: name }));
  const filter = { name, keeps: () => true, box };
  const remove = make('button', { type: 'button', className: 'small', textContent: 'Remove', ariaLabel: `Remove the filter by ${name}` });
  remove.addEventListener('click', () => {
    filters.splice(filters.indexOf(filter), 1);
    box.remove();
    update(true);
    $('filter').focus();
  });
  const categories = isOrdered(column) && (categoriesOf(column)?.names.length ?? Infinity) > 12 || column.kind === 'date' ? null : categoriesOf(column);
  if (categories) byValue(filter, categories);
  else byRange(filter, column);
  box.append(remove);
  $('filters').append(box);
  filters.push(filter);
  box.querySelector('input').focus();
};
const byValue = (filter, categories) => {
  const counts = countsOf(categories, Array.from({ length: count }, (_, row) => row));
  const kept = new Set();
  const list = make('div', { className: 'values' });
  const fill = words => {
    const lines = [];
    for (let value = 0; value < categories.names.length && lines.length < 200; value++) {
      if (!categories.names[value].toLowerCase().includes(words)) continue;
      const tick = make('input', { type: 'checkbox', checked: kept.has(value) });
      tick.addEventListener('change', () => {
        if (tick.checked) kept.add(value); else kept.delete(value);
        update(true);
      });
      lines.push(make('label', {}, tick, make('span', { className: 'of', textContent: categories.names[value], title: categories.names[value] }), make('span', { className: 'many', textContent: counts[value] })));
    }
    list.replaceChildren(...lines);
  };
  if (categories.names.length > 12) {
    const words = make('input', { type: 'search', placeholder: `one of ${categories.names.length}`, ariaLabel: `Find values of ${filter.name}` });
    words.addEventListener('input', () => fill(words.value.toLowerCase()));
    filter.box.append(words);
  }
  fill('');
  filter.box.append(list);
  filter.keeps = row => kept.size === 0 || kept.has(categories.values[row]);
};
const byRange = (filter, column) => {
  const values = numbersOf(column);
  const [least, most] = values.reduce(([low, high], value) => Number.isNaN(value) ? [low, high] : [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const ends = [least, most];
  const lines = ['from', 'to'].map((word, at) => {
    const handle = make('input', { type: 'range', min: least, max: most, step: 'any', value: ends[at], ariaLabel: `${filter.name} ${word}` });
    const typed = column.kind === 'date' ? make('input', { type: 'date', value: saidOf(column, ends[at]) }) : make('input', { type: 'number', step: 'any', value: ends[at] });
    typed.ariaLabel = `${filter.name} ${word}, exactly`;
    handle.addEventListener('input', () => {
      ends[at] = Number(handle.value);
      typed.value = column.kind === 'date' ? saidOf(column, ends[at]) : ends[at];
      later(() => update(true));
    });
    typed.addEventListener('change', () => {
      const value = column.kind === 'date' ? Date.parse(typed.value) / DAY : parseFloat(typed.value);
      ends[at] = Number.isNaN(value) ? [least, most][at] : value;
      handle.value = ends[at];
      update(true);
    });
    return make('div', { className: 'end' }, make('span', { textContent: word }), handle, typed);
  });
  filter.box.append(...lines);
  filter.keeps = row => values[row] >= ends[0] && values[row] <= ends[1] || ends[0] <= least && ends[1] >= most;
};
let soon = 0;
const later = what => {
  clearTimeout(soon);
  soon = setTimeout(what, 120);
};

// ---- Selection

const select = (rows, adds) => {
  if (!adds) state.selected.fill(0);
  for (const row of rows) state.selected[row] = 1;
  selectionChanged();
};
const selectionChanged = () => {
  scene.selected = state.selected;
  scene.picked = state.selected.reduce((sum, one) => sum + one, 0);
  staleTiles();
  tell();
  redraw();
};
const selection = () => [...state.selected.keys()].filter(row => state.selected[row]);
// Rows whose middles lie within a line around them (even-odd).
const within = line => state.shown.filter(row => {
  const [x, y] = toScreen(row);
  let inside = false;
  for (let at = 0, before = line.length - 1; at < line.length; before = at++) {
    const [[ax, ay], [bx, by]] = [line[at], line[before]];
    if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
  }
  return inside;
});
let lassoing = false;
const lassoOn = on => {
  lassoing = on;
  $('lasso').ariaPressed = String(on);
  world.classList.toggle('lassoing', on);
};

const save = (rows, name) => {
  const address = URL.createObjectURL(new Blob([csvOf(rows)], { type: 'text/csv;charset=utf-8' }));
  const link = make('a', { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
};
