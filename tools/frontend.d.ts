// What the web extension uses of ComfyUI's frontend, for the check of web/js (tools/jsconfig.json). Nobody loads this file.

interface Slot {
  name: string;
  type: string;
  label?: string;
  widget?: { name: string };
}

interface Widget {
  name: string;
  label?: string;
  y?: number;
  value: any;
  options?: { values?: unknown; getMinHeight?: () => number; getMaxHeight?: () => number | undefined; getOptionLabel?: (value?: string | null) => string };
  callback?: (...values: any[]) => unknown;
  linkedWidgets?: Widget[];
}

interface GraphNode {
  id: number | string;
  comfyClass?: string;
  title?: string;
  graph?: Graph;
  subgraph?: Graph;
  inputs?: Slot[];
  outputs?: Slot[];
  widgets?: Widget[];
  badges: unknown[];
  pos: number[];
  size: number[];
  images?: unknown;
  hideOutputImages?: boolean; // asked by the Vue canvas
  isInputConnected(slot: number): boolean;
  getInputNode(slot: number): GraphNode | null;
  getInputLink(slot: number): { target_slot: number } | null | undefined;
  setSize(size: number[]): void;
  computeSize(): number[];
  addDOMWidget(name: string, type: string, element: HTMLElement, options: object): Widget & { serialize?: boolean };
  flags?: { collapsed?: boolean };
  onDrawBackground?: unknown;
  onDrawForeground?: (pen: CanvasRenderingContext2D, ...facts: any[]) => void;
  onConfigure?: (saved: any) => void;
  onDragOver?: (event: DragEvent) => boolean;
  onDragDrop?: (event: DragEvent) => boolean | Promise<boolean>;
  onExecuted?: (output: any) => void;
  onConnectionsChange?: (...facts: any[]) => void;
}

interface Graph {
  id?: string;
  nodes: GraphNode[];
  add(node: GraphNode): void;
  getNodeById(id: unknown): GraphNode | null | undefined;
  serialize(): unknown;
}

interface Window {
  LiteGraph: {
    NODE_FONT: string;
    NODE_SUBTEXT_SIZE: number;
    NODE_TEXT_COLOR: string;
    createNode(type: string): GraphNode;
    registered_node_types: Record<string, { title?: string }>;
  };
  LGraphBadge: new (look: { text: string; fgColor: string; bgColor: string }) => unknown;
}

interface Element {
  // Of the element with the id vue-app.
  __vue_app__?: { config: { globalProperties: { $pinia?: Pinia } } };
}

/** The stores of the frontend: private, and used only where nothing else is to be had. */
interface Pinia {
  _s?: Map<string, any>;
  state: { value: Record<string, any> };
}

declare module "*/scripts/api.js" {
  export const api: EventTarget & {
    clientId?: string;
    apiURL(path: string): string;
    fetchApi(path: string, options?: RequestInit): Promise<Response>;
    queuePrompt(number: number, prompt: { output: unknown; workflow: unknown }): Promise<{ prompt_id: string }>;
    addEventListener(name: string, heard: (event: CustomEvent) => void): void;
    removeEventListener(name: string, heard: (event: CustomEvent) => void): void;
  };
}

declare module "*/scripts/app.js" {
  export const app: {
    canvas: any;
    graph: Graph;
    rootGraph?: Graph;
    nodePreviewImages?: Record<string, string[]>;
    extensionManager: any;
    queuePrompt(number: number, times?: number, how?: any, ...more: any[]): Promise<boolean>;
    graphToPrompt(...asked: any[]): Promise<{ output: Record<string, import("../web/js/graph.js").ApiNode> }>;
    registerExtension(extension: object): void;
  };
}
