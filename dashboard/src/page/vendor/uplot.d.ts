import uPlot from 'uplot'

// biome-ignore lint/style/noDefaultExport: the package has no other
export default uPlot
