export { MaskCanvas, type MaskCanvasProps } from "./components/mask/mask-canvas.js";
