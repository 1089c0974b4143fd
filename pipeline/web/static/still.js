// Drag on the still: the panels of the chosen person stand where it ends.
let from = null;

function share(event, image) {
  const box = image.getBoundingClientRect();
  const clip = (value) => Math.min(1, Math.max(0, value));
  return [clip((event.clientX - box.left) / box.width), clip((event.clientY - box.top) / box.height)];
}

function mark(image, [x, y]) {
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
