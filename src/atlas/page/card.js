// A picture's card: itself, what is known of it, what is nearest to it. And a poster of what is seen.
const encoded = path => path.split('/').map(encodeURIComponent).join('/');
const isWeb = text => /^https?:\/\/[^\s]+$/i.test(text);
// Where a picture's file is, for a page that is read from the disk.
const fileOf = row => {
  const name = nameOf(row);
  if (location.protocol !== 'file:' || /\.tar:/.test(name)) return null;
  if (name.startsWith('/')) return `file://${encoded(name)}`;
  return data.folder === null ? null : encoded(data.folder + name);
};
const small = (row, side) => {
  const [width, height] = shapeOf(row, side * ratio()).map(length => Math.max(1, Math.round(length)));
  const canvas = make('canvas', { width, height });
  const paint = () => {
    const pen = canvas.getContext('2d');
    pen.imageSmoothingQuality = 'high';
    drawPicture(pen, row, width / 2, height / 2, Math.max(width, height));
  };
  paint();
  if (close && !slots.of.has(row)) pending.push([row, paint]);
  return canvas;
};
let pending = [];
let cameFrom = null;
const opened = () => !$('card').hidden;

const open = (row, focus = true) => {
  if (row < 0) return;
  if (!opened()) cameFrom = document.activeElement;
  state.current = row;
  pending = [];
  $('card').hidden = false;
  $('card-title').textContent = shortName(row);
  $('card-picture').replaceChildren(small(row, 300));
  $('card-picture').firstChild.setAttribute('role', 'img');
  $('card-picture').firstChild.setAttribute('aria-label', `the picture ${shortName(row)}`);
  $('card-unread').hidden = isThere(row);
  const links = [];
  const link = (href, textContent) => links.push(make('a', { href, textContent, target: '_blank', rel: 'noopener noreferrer' }));
  const file = fileOf(row);
  if (file) link(file, 'Open the file');
  const permalink = columnOf('permalink');
  if (permalink && isWeb(textOf(permalink, row))) link(textOf(permalink, row), 'Permalink');
  $('card-links').replaceChildren(...links);
  $('card-links').hidden = links.length === 0;
  const lines = columns.filter(column => textOf(column, row) !== '').flatMap(column => [
    make('dt', { textContent: column.name }),
    make('dd', { textContent: column.kind === 'number' ? said(column.values[row]) : textOf(column, row), title: textOf(column, row) }),
  ]);
  $('card-known').replaceChildren(...lines);
  const near = nearTo(row);
  $('card-near').hidden = near.length === 0;
  $('card-near-list').replaceChildren(...near.map(other => {
    const button = make('button', { type: 'button', title: shortName(other), ariaLabel: `nearest photograph ${shortName(other)}` }, small(other, 64));
    button.dataset.row = other;
    button.addEventListener('click', () => open(other));
    return button;
  }));
  $('card-pick').ariaPressed = String(Boolean(state.selected[row]));
  $('card-pick').textContent = state.selected[row] ? 'Selected' : 'Select';
  if (pending.length) {
    const waiting = pending;
    wantNear(waiting.map(([one]) => one), came => {
      nearCame(came);
      for (const [one, paint] of waiting) if (slots.of.has(one)) paint();
    });
  }
  $('card').scrollTop = 0;
  if (state.isShown[row]) goTo(row);
  if (focus) $('card-title').focus({ preventScroll: true });
  redraw();
};
const shut = () => {
  $('card').hidden = true;
  state.current = -1;
  (cameFrom && cameFrom.isConnected && !cameFrom.closest('#card') ? cameFrom : world).focus({ preventScroll: true });
  redraw();
};
const pick = row => {
  state.selected[row] = state.selected[row] ? 0 : 1;
  selectionChanged();
  if (opened()) open(state.current, false);
};
// Through the selection, or through all that is shown where nothing is selected; in the order in which they lie.
const walk = by => {
  const { x, y, order } = scene.layout;
  const among = scene.picked ? state.shown.filter(row => state.selected[row]) : state.shown;
  if (!among.length) return;
  const reading = scene.layout.growth === 1;
  const walked = order && !scene.picked ? order : [...among].sort((a, b) => reading ? y[a] - y[b] || x[a] - x[b] : a - b);
  const at = walked.indexOf(state.current);
  open(walked[at < 0 ? (by > 0 ? 0 : walked.length - 1) : (at + by + walked.length) % walked.length], false);
};

// ---- Poster

const LISTED = 1000;
const poster = () => {
  // What of the window shows pictures, and nothing hides.
  const { left, top, width, height } = room();
  const free = [left, top, left + width, top + height].map(edge => edge * ratio());
  const side = sideNow();
  const seen = inView().filter(row => {
    const [x, y] = toScreen(row);
    return x > free[0] && y > free[1] && x < free[2] && y < free[3];
  });
  const edge = (axis, most) => seen.reduce((end, row) => (most ? Math.max : Math.min)(end, toScreen(row)[axis]), most ? -Infinity : Infinity);
  const reach = side * 0.75;
  const [x0, y0] = seen.length ? [Math.max(free[0], edge(0, false) - reach), Math.max(free[1], edge(1, false) - reach)] : free;
  const [x1, y1] = seen.length ? [Math.min(free[2], edge(0, true) + reach), Math.min(free[3], edge(1, true) + reach)] : free.slice(2);
  const large = Math.min(6, 3200 / Math.max(x1 - x0, y1 - y0));
  const canvas = make('canvas', { width: Math.max(1, Math.round((x1 - x0) * large)), height: Math.max(1, Math.round((y1 - y0) * large)) });
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = 'high';
  const at = row => toScreen(row).map((value, axis) => (value - [x0, y0][axis]) * large);
  for (const row of seen) drawFramed(pen, row, ...at(row), side * large);
  const sorted = [...seen].sort((a, b) => Math.round(at(a)[1] / side / large) - Math.round(at(b)[1] / side / large) || at(a)[0] - at(b)[0] || a - b);
  const listed = sorted.slice(0, LISTED);
  const size = Math.max(9, Math.min(30, side * large * 0.16));
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = 'top';
  listed.forEach((row, number) => {
    const [x, y] = at(row);
    const [width, height] = shapeOf(row, side * large);
    const [label, px, py] = [String(number + 1), x - width / 2, y + height / 2 - size * 1.2];
    pen.fillStyle = '#fffc';
    pen.fillRect(px, py, pen.measureText(label).width + size * 0.5, size * 1.2);
    pen.fillStyle = '#000';
    pen.fillText(label, px + size * 0.25, py + size * 0.1);
  });
  const permalink = columnOf('permalink');
  $('poster-list').replaceChildren(...listed.map(row => {
    const address = permalink ? textOf(permalink, row) : '';
    const line = make('li', {}, make('span', { textContent: nameOf(row) }));
    if (isWeb(address)) line.append(' ', make('a', { href: address, textContent: address, target: '_blank', rel: 'noopener noreferrer' }));
    return line;
  }));
  $('poster-title').textContent = data.title;
  const rest = sorted.length - listed.length;
  $('poster-said').textContent = `${numberOf(sorted.length)} pictures${rest ? `, the first ${LISTED} of them listed` : ''}. ${$('of').textContent} A map is for looking: no statement may rest on distances in it.`;
  $('poster-canvas').replaceChildren(canvas);
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${sorted.length} pictures, numbered as in the list`);
  $('poster').showModal();
  $('poster-print').focus();
};
