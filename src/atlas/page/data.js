// What is known of the pictures, in columns.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const count = data.count;
const make = (tag, values = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
};

const bytesOf = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const floats = text => new Float32Array(bytesOf(text).buffer);
const wholes = text => new Uint32Array(bytesOf(text).buffer);

const columns = data.columns;
const columnOf = name => columns.find(column => column.name === name);
const nameColumn = columnOf('name');
const textOf = (column, row) => {
  if (column.kind === 'category') return column.values[row] < 0 ? '' : column.names[column.values[row]];
  if (column.kind === 'text') return column.prefix + column.values[row];
  return String(column.values[row] ?? '');
};
const nameOf = row => nameColumn ? textOf(nameColumn, row) : String(row);
const shortName = row => nameOf(row).split(/[/:]/).pop();
const said = number => !Number.isFinite(number) ? '' : Number.isInteger(number) ? String(number) : String(Number(number.toPrecision(4)));

// Numbers of a column, NaN where there is none; dates are days since 1970.
const DAY = 86400000;
const numbersOf = column => {
  column.numbers ??= Float64Array.from(column.values, value => {
    if (value === null || value === '') return NaN;
    return column.kind === 'date' ? Date.parse(value.replace(' ', 'T')) / DAY : value;
  });
  return column.numbers;
};
const saidOf = (column, number) => column.kind === 'date' && Number.isFinite(number) ? new Date(number * DAY).toISOString().slice(0, 10) : said(number);
const isOrdered = column => column.kind === 'number' || column.kind === 'date';
const ordered = columns.filter(isOrdered);

// A column as few names, with how many pictures have each; null if it has too many.
const FEW = 40;
const categoriesOf = column => {
  if (column.categories !== undefined) return column.categories;
  let [names, values] = [column.names, column.values];
  if (column.kind === 'number') {
    const distinct = new Set();
    for (const value of column.values) {
      if (value !== null) distinct.add(value);
      if (distinct.size > FEW) break;
    }
    const known = [...distinct].sort((a, b) => a - b);
    names = known.length <= FEW ? known.map(String) : null;
    const places = new Map(known.map((value, place) => [value, place]));
    values = names && Int32Array.from(column.values, value => places.get(value) ?? -1);
  }
  column.categories = names ? { names, values } : null;
  return column.categories;
};
const countsOf = (categories, rows) => {
  const counts = new Uint32Array(categories.names.length);
  for (const row of rows) if (categories.values[row] >= 0) counts[categories.values[row]] += 1;
  return counts;
};
const named = columns.filter(column => !['date', 'text'].includes(column.kind) && categoriesOf(column)?.names.length > 1);

// Methods: pictures that were made, not taken.
// Louder than those of categories, which they lie among.
const MADE = ['#ff2bd6', '#00d5ff', '#ffe600', '#7dff00', '#ff5a1f', '#b388ff', '#00ffa8', '#ff9ecb'];
const COLOURS = ['#4e79a7', '#f28e2b', '#59a14f', '#e15759', '#b07aa1', '#edc948', '#76b7b2', '#ff9da7', '#9c755f', '#86bcb6', '#d37295', '#a0cbe8'];
const madeBy = columnOf('made_by');
const methodOf = row => madeBy ? textOf(madeBy, row) : '';
const frameOf = new Int16Array(count).fill(-1);
if (madeBy) for (let row = 0; row < count; row++) frameOf[row] = data.methods.indexOf(methodOf(row));

const neighbours = data.neighbours && wholes(data.neighbours.rows);
const nearTo = row => neighbours ? [...neighbours.subarray(row * data.neighbours.count, (row + 1) * data.neighbours.count)] : [];

// Search: every word somewhere among the names and texts of a picture.
const lowered = column => {
  if (column.kind === 'category') return column.lower ??= column.names.map(name => name.toLowerCase());
  return column.lower ??= Array.from({ length: count }, (_, row) => textOf(column, row).toLowerCase());
};
const searched = words => {
  let found = new Uint8Array(count).fill(1);
  for (const word of words.toLowerCase().split(/\s+/).filter(Boolean)) {
    const has = new Uint8Array(count);
    for (const column of columns) {
      if (column.kind === 'number') continue;
      const lower = lowered(column);
      if (column.kind === 'category') {
        const hits = lower.map(name => name.includes(word));
        if (hits.includes(true)) for (let row = 0; row < count; row++) if (column.values[row] >= 0 && hits[column.values[row]]) has[row] = 1;
      } else {
        for (let row = 0; row < count; row++) if (!has[row] && lower[row].includes(word)) has[row] = 1;
      }
    }
    found = found.map((before, row) => before & has[row]);
  }
  return found;
};

const csvCell = text => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const csvOf = rows => [columns.map(column => csvCell(column.name)).join(','), ...rows.map(row => columns.map(column => csvCell(textOf(column, row))).join(','))].join('\r\n') + '\r\n';
