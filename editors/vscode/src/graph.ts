/**
 * The model graph beside the code. The page draws what the server says of the text as it is now; names and messages are
 * an author's text, so the page may run its own script only, load nothing, and gets everything as data.
 */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Format, FromPage, Graph, Graphs, Place, ToPage } from './messages';

const VIEW = 'kls.graph';
const FILTERS: Readonly<Record<Format, readonly [string, string]>> = {
  svg: ['SVG', 'svg'],
  mermaid: ['Mermaid', 'mmd'],
  dot: ['Graphviz', 'dot'],
};

export interface GraphView extends vscode.Disposable {
  /** Opens the page, or turns it, to the model of a document that is made nearest to `line` (from 0). */
  show(uri: vscode.Uri, line?: number): Promise<void>;
  /** The server has news of a document; without one, of all. */
  refresh(uri?: string): void;
}

export function createGraphView(
  context: vscode.ExtensionContext,
  running: () => LanguageClient | undefined,
  log: vscode.LogOutputChannel,
): GraphView {
  let open: Page | undefined;
  const adopt = (panel: vscode.WebviewPanel, uri: string, line: number | undefined): void => {
    open?.dispose();
    const page = new Page(panel, context.extensionUri, uri, running, log);
    page.line = line;
    open = page;
    panel.onDidDispose(() => {
      page.dispose();
      open = open === page ? undefined : open;
    });
  };
  const restoring = vscode.window.registerWebviewPanelSerializer(VIEW, {
    async deserializeWebviewPanel(panel, state: unknown) {
      const uri = (state as { readonly uri?: unknown } | undefined)?.uri;
      if (typeof uri === 'string') {
        adopt(panel, uri, undefined);
      } else {
        panel.dispose();
      }
    },
  });
  return {
    async show(uri, line) {
      if (open?.uri === uri.toString()) {
        open.panel.reveal(undefined, true);
        open.line = line;
        await open.update();
        return;
      }
      open?.panel.dispose();
      const panel = vscode.window.createWebviewPanel(
        VIEW,
        'Model graph',
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: true, localResourceRoots: resources(context.extensionUri) },
      );
      adopt(panel, uri.toString(), line);
    },
    refresh(uri) {
      if (open && (uri === undefined || uri === open.document)) {
        void open.update();
      }
    },
    dispose() {
      restoring.dispose();
      open?.panel.dispose();
    },
  };
}

const resources = (extension: vscode.Uri): vscode.Uri[] => [
  vscode.Uri.joinPath(extension, 'dist'),
  vscode.Uri.joinPath(extension, 'media'),
];

class Page implements vscode.Disposable {
  /** The line whose model is to be shown next. */
  line: number | undefined;
  /** The document as the server names it: of a cell, its notebook. */
  document: string;
  private asked = 0;
  private ready = false;
  private readonly listening: vscode.Disposable[] = [];

  constructor(
    readonly panel: vscode.WebviewPanel,
    extension: vscode.Uri,
    readonly uri: string,
    private readonly running: () => LanguageClient | undefined,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.document = uri;
    const name = vscode.Uri.parse(uri).path.split('/').at(-1) ?? '';
    panel.title = `Model graph: ${name}`;
    panel.iconPath = vscode.Uri.joinPath(extension, 'media', 'graph.svg');
    panel.webview.options = { enableScripts: true, localResourceRoots: resources(extension) };
    this.listening.push(
      panel.webview.onDidReceiveMessage((message: FromPage) => void this.hear(message)),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.tellCursor(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.tellCursor(editor)),
    );
    panel.webview.html = html(panel.webview, extension, uri);
  }

  /** Asks the server and tells the page; an answer that a later question overtook is dropped. */
  async update(): Promise<void> {
    if (!this.ready) {
      return;
    }
    const turn = ++this.asked;
    let answer: Graphs;
    try {
      const client = this.running();
      const none = { uri: this.uri, graphs: [], reason: 'The server is not running.' };
      answer = client ? await client.sendRequest<Graphs>('kls/graph', { uri: this.uri }) : none;
    } catch (error) {
      this.log.warn(`No model graph: ${String(error)}`);
      answer = { uri: this.uri, graphs: [], reason: 'The server did not answer. Its log says why.' };
    }
    if (turn !== this.asked) {
      return;
    }
    this.document = answer.uri;
    const chosen = this.line === undefined ? null : nearest(answer.graphs, this.uri, this.line);
    this.line = undefined;
    this.tell({ type: 'graphs', answer, chosen });
    if (vscode.window.activeTextEditor) {
      this.tellCursor(vscode.window.activeTextEditor);
    }
  }

  dispose(): void {
    this.asked += 1;
    this.ready = false;
    this.listening.forEach((item) => item.dispose());
  }

  private tell(message: ToPage): void {
    void this.panel.webview.postMessage(message);
  }

  private tellCursor(editor: vscode.TextEditor): void {
    if (this.ready) {
      this.tell({ type: 'cursor', uri: editor.document.uri.toString(), line: editor.selection.active.line });
    }
  }

  private async hear(message: FromPage): Promise<void> {
    if (message.type === 'ready') {
      this.ready = true;
      await this.update();
    } else if (message.type === 'reveal') {
      await reveal(message.place);
    } else {
      await save(message.format, message.name, message.text);
    }
  }
}

/** The graph that is made at the line, or nearest above it, else the first that is a whole model. */
function nearest(graphs: readonly Graph[], uri: string, line: number): number | null {
  const above = graphs
    .map(({ place }, index) => ({ place, index }))
    .filter(({ place }) => place?.uri === uri && place.range.start.line <= line);
  return above.length > 0 ? (above.sort((one, other) => start(other.place) - start(one.place))[0]?.index ?? null) : null;
}

const start = (place: Place | null): number => place?.range.start.line ?? -1;

async function reveal({ uri, range }: Place): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
  const selection = new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character);
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
  const viewColumn = shown?.viewColumn ?? vscode.ViewColumn.One;
  await vscode.window.showTextDocument(document, { viewColumn, selection });
}

async function save(format: Format, name: string, text: string): Promise<void> {
  const [title, suffix] = FILTERS[format];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const file = `${name.replaceAll(/[^\w.-]+/g, '_') || 'model'}.${suffix}`;
  const target = await vscode.window.showSaveDialog({
    defaultUri: folder && vscode.Uri.joinPath(folder, file),
    filters: { [title]: [suffix] },
    title: 'Save the model graph',
  });
  if (target) {
    await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
  }
}

function html(webview: vscode.Webview, extension: vscode.Uri, uri: string): string {
  const nonce = randomBytes(16).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'graph.js'));
  const style = webview.asWebviewUri(vscode.Uri.joinPath(extension, 'media', 'graph.css'));
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${webview.cspSource}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${String(style)}">
<title>Model graph</title>
</head>
<body data-uri="${encodeURIComponent(uri)}">
<script nonce="${nonce}" src="${String(script)}"></script>
</body>
</html>`;
}
