// Pictures on sheets: each sheet in halves of halves, so that small pictures are averaged and not picked from.
const sizes = bytesOf(data.pictures.sizes);
const cellOf = wholes(data.pictures.cells);
const beside = data.pictures.beside;
const SHEET = 2048;
const far = { side: beside ? beside.side : data.pictures.side };
far.across = Math.floor(SHEET / far.side);
far.each = far.across * far.across;
far.sheets = [];
const close = beside && { side: data.pictures.side, across: Math.floor(SHEET / data.pictures.side), files: beside.near };
if (close) close.each = close.across * close.across;
const isThere = row => sizes[2 * row] > 0;

const halves = async source => {
  const made = [await createImageBitmap(source)];
  for (let side = far.side / 2; side >= 4 && Number.isInteger(side); side /= 2) {
    const { width, height } = made[0];
    const share = side / far.side;
    made.push(await createImageBitmap(made[made.length - 1], { resizeWidth: width * share, resizeHeight: height * share, resizeQuality: 'medium' }));
  }
  return made;
};
const loaded = async address => {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
};
// The first one is asked for at once, and comes while the rest of the page is made ready.
const first = beside && loaded(beside.far[0]);
first?.catch(() => { /* It is told of when it is needed. */ });
// Calls back after every sheet.
const loadSheets = async each => {
  const total = beside ? beside.far.length : data.pictures.inside;
  for (let number = 0; number < total; number++) {
    try {
      let source;
      if (beside) {
        source = await (number === 0 ? first : loaded(beside.far[number]));
      } else {
        const element = $(`sheet-${number}`);
        source = new Blob([bytesOf(element.textContent)], { type: 'image/jpeg' });
        element.remove();
      }
      far.sheets[number] = await halves(source);
    } catch {
      $('trouble').textContent = `${beside ? beside.far[number] : `sheet ${number}`} cannot be read: the folder sheets belongs beside this page.`;
    }
    each(number);
  }
};

// From near, where pictures lie beside the page: a few sheets of slots, which pictures that are seen are copied into.
const slots = { of: new Map(), rows: [], pages: [], next: 0, wanted: new Set(), queue: new Map(), busy: 0 };
const PAGES = 4;
const capacity = close ? PAGES * close.each : 0;
const slotFor = row => {
  // The next that nobody looks at any more.
  let slot = slots.next++ % capacity;
  for (let tries = 0; slots.wanted.has(slots.rows[slot]) && tries < capacity; tries++) slot = slots.next++ % capacity;
  slots.of.delete(slots.rows[slot]);
  slots.rows[slot] = row;
  slots.of.set(row, slot);
  const number = Math.floor(slot / close.each);
  slots.pages[number] ??= make('canvas', { width: close.across * close.side, height: close.across * close.side }).getContext('2d');
  return [slots.pages[number], slot % close.each];
};
const placeIn = (cell, across, side) => [cell % across * side, Math.floor(cell / across) * side];
// Asks for pictures from near; `then` is called when some have come.
const wantNear = (rows, then) => {
  if (!close || rows.length > capacity) return;
  slots.queue = new Map();
  slots.wanted = new Set(rows);
  for (const row of rows) {
    if (slots.of.has(row) || !isThere(row)) continue;
    const sheet = Math.floor(cellOf[row] / close.each);
    if (!slots.queue.has(sheet)) slots.queue.set(sheet, []);
    slots.queue.get(sheet).push(row);
  }
  fetchNear(then);
};
const fetchNear = async then => {
  if (slots.busy >= 2 || slots.queue.size === 0) return;
  const [sheet, rows] = [...slots.queue].reduce((most, one) => one[1].length > most[1].length ? one : most);
  slots.queue.delete(sheet);
  slots.busy += 1;
  try {
    const image = await loaded(close.files[sheet]);
    for (const row of rows) {
      if (slots.of.has(row)) continue;
      const [page, slot] = slotFor(row);
      const [from, to] = [placeIn(cellOf[row] % close.each, close.across, close.side), placeIn(slot, close.across, close.side)];
      page.drawImage(image, ...from, close.side, close.side, ...to, close.side, close.side);
    }
    then(rows);
  } catch { /* From afar it can be seen all the same. */ }
  slots.busy -= 1;
  fetchNear(then);
};

const shapeOf = (row, side) => {
  const [width, height] = [sizes[2 * row] || 1, sizes[2 * row + 1] || 1];
  const longer = Math.max(width, height);
  return [side * width / longer, side * height / longer];
};
// Draws a picture around a middle, its longer side so many pixels; whether it was there to be drawn.
const drawPicture = (context, row, x, y, side) => {
  const [width, height] = shapeOf(row, side);
  const [left, top] = [x - width / 2, y - height / 2];
  const slot = side > far.side * 1.2 ? slots.of.get(row) : undefined;
  if (slot !== undefined) {
    const [u, v] = placeIn(slot % close.each, close.across, close.side);
    context.drawImage(slots.pages[Math.floor(slot / close.each)].canvas, u, v, sizes[2 * row], sizes[2 * row + 1], left, top, width, height);
    return true;
  }
  const sheet = far.sheets[Math.floor(cellOf[row] / far.each)];
  if (!sheet || !isThere(row)) {
    context.fillStyle = '#808080';
    context.fillRect(left, top, width, height);
    return Boolean(sheet);
  }
  let half = 0;
  while (half + 1 < sheet.length && far.side / 2 ** (half + 1) >= side) half += 1;
  const share = 1 / 2 ** half;
  const [u, v] = placeIn(cellOf[row] % far.each, far.across, far.side);
  const [w, h] = shapeOf(row, far.side).map(length => Math.max(1, Math.floor(length)));
  context.drawImage(sheet[half], u * share, v * share, Math.max(1, w * share), Math.max(1, h * share), left, top, width, height);
  return true;
};
