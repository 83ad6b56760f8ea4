// analyzer/charts/charts.js: the charts of the HTML report, drawn with uPlot and d3-flame-graph in place of the still pictures.
//
// The page is whole without this script. What it shows comes from the page itself (#data): nothing is fetched. Colours are the page's, so
// light and dark follow the reader's; print takes the still pictures, which have no width of their own.
import uPlot from 'uplot';
import uplotStyle from 'uplot/dist/uPlot.min.css';
import flamegraph from 'd3-flame-graph';
import flameStyle from './node_modules/d3-flame-graph/dist/d3-flamegraph.css';
import { select } from 'd3-selection';

const data = JSON.parse(document.getElementById('data').textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = [];

// A chart takes the place of the picture in `id`, on screens; the picture stays for paper.
function place(id, draw) {
	const still = document.getElementById(id);
	if (!still)
		return;
	const box = document.createElement('div');
	box.className = 'chart';
	still.before(box);
	draw(box);
	still.classList.add('paper');
	drawn.push(() => { box.replaceChildren(); draw(box); });
}

// The largest unit in which the whole recording is more than 2.
const unit = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']].find(([ns]) => data.open.length * data.span_ns > 2 * ns) || [1, 'ns'];

function overTime(box) {
	const open = [...data.open, data.open.at(-1)]; // the last lasts as long as the others
	const x = open.map((_, i) => i * data.span_ns / unit[0]), line = colour('--bar'), text = colour('--fg'), grid = { stroke: colour('--line'), width: 1 };
	const options = {
		width: box.clientWidth, height: 260, scales: { x: { time: false }, y: { range: (u, min, max) => [0, Math.max(max * 1.1, 1)] } }, cursor: { drag: { x: true, y: false } },
		axes: [{ stroke: text, grid, ticks: grid, values: (u, v) => v.map((t) => t + ' ' + unit[1]) }, { stroke: text, grid, ticks: grid, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] }],
		series: [{ label: 'time', value: (u, v) => v == null ? '' : v.toFixed(3) + ' ' + unit[1] },
			{ label: 'open', stroke: line, fill: line + '44', width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }],
	};
	new uPlot(options, [x, open], box);
}

// "program;outermost;…;innermost COUNT" a line, as flame graphs are folded everywhere.
function unfold(folded) {
	const root = { name: 'all descriptors', value: 0, children: [] };
	for (const line of folded.split('\n').filter(Boolean)) {
		const at = line.lastIndexOf(' '), count = Number(line.slice(at + 1));
		let node = root;
		node.value += count;
		for (const name of line.slice(0, at).split(';')) {
			let child = node.children.find((c) => c.name === name);
			if (!child)
				node.children.push(child = { name, value: 0, children: [] });
			child.value += count;
			node = child;
		}
	}
	return root;
}

function flames(box) {
	const said = document.createElement('p');
	said.className = 'dim';
	said.textContent = 'click a place to look closer, “all descriptors” to come back';
	const graph = flamegraph().width(box.clientWidth).cellHeight(19).minFrameSize(2).transitionDuration(0).selfValue(false)
		.setDetailsElement(said).label((d) => `${d.data.name}: ${d.value} of ${data.made}`);
	select(box.appendChild(document.createElement('div'))).datum(unfold(data.folded)).call(graph);
	box.append(said);
	if (!matchMedia('(prefers-reduced-motion:reduce)').matches)
		graph.transitionDuration(200);
	for (const g of box.querySelectorAll('g.frame')) { // and without a mouse
		g.setAttribute('tabindex', '0');
		g.addEventListener('keydown', (e) => { if (e.key === 'Enter') g.dispatchEvent(new MouseEvent('click')); });
	}
}

document.head.append(Object.assign(document.createElement('style'), { textContent: uplotStyle + flameStyle +
	'.chart{margin:.5rem 0}.chart svg text{fill:currentColor}.d3-flame-graph-label{color:#1b1f24;font:12px/19px ui-monospace,monospace}.u-legend{font:13px ui-monospace,monospace}' +
	'@media screen{.paper{display:none}}@media print{.chart{display:none}}' }));
place('over-time', overTime);
place('places', flames);
document.getElementById('places-more')?.classList.add('paper');
const again = () => drawn.forEach((draw) => draw());
matchMedia('(prefers-color-scheme:dark)').addEventListener('change', again);
// Nobody can unfold what is on paper.
addEventListener('beforeprint', () => document.querySelectorAll('details:not([open])').forEach((d) => { d.open = d.dataset.folded = true; }));
addEventListener('afterprint', () => document.querySelectorAll('details[data-folded]').forEach((d) => { d.open = false; delete d.dataset.folded; }));
let timer;
addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(again, 150); });
document.documentElement.dataset.charts = drawn.length;
