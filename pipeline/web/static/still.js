// Drag on the still, or move the mark with the arrow keys and press Enter: the panels of the chosen person stand there.
let from = null;
let at = [0.5, 0.5]; // where the mark is, as shares of the picture
let focused = false; // the still is drawn anew after every move
const STEP = 0.02;
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

function share(event, image) {
  const box = image.getBoundingClientRect();
  const clip = (value) => Math.min(1, Math.max(0, value));
  return [clip((event.clientX - box.left) / box.width), clip((event.clientY - box.top) / box.height)];
}

function mark(image, [x, y]) {
  at = [x, y];
  const dot = image.parentElement.querySelector(".still-mark");
  dot.hidden = false;
  dot.style.left = `${100 * x}%`;
  dot.style.top = `${100 * y}%`;
}

element.addEventListener("pointerdown", (event) => {
  const image = event.target.closest("img");
  if (!image) return;
  event.preventDefault();
  image.setPointerCapture(event.pointerId);
  from = image;
  mark(image, share(event, image));
});
element.addEventListener("pointermove", (event) => {
  if (from) mark(from, share(event, from));
});
element.addEventListener("pointerup", (event) => {
  if (!from) return;
  const [x, y] = share(event, from);
  from = null;
  trigger("edit", { x, y });
});
element.addEventListener("pointercancel", () => { from = null; });
element.addEventListener("keydown", (event) => {
  const still = event.target.closest(".still");
  if (!still) return;
  const step = ARROWS[event.key];
  if (step) mark(still.querySelector("img"), at.map((share, k) => Math.min(1, Math.max(0, share + step[k]))));
  else if (event.key === "Enter") trigger("edit", { x: at[0], y: at[1] });
  else return;
  event.preventDefault();
});
element.addEventListener("focusin", () => { focused = true; });
element.addEventListener("focusout", (event) => { if (event.relatedTarget) focused = false; });
watch("value", () => {
  if (focused && document.activeElement === document.body) element.querySelector(".still")?.focus({ preventScroll: true });
});
