/*
 * analyzer/charts.S: the script of the HTML report, bundled at build time from analyzer/charts (gen/charts.js); empty where npm was not at hand.
 */
	.section .rodata
	.globl	fdw_charts
	.globl	fdw_charts_end
fdw_charts:
	.incbin "charts.js"
fdw_charts_end:
	.byte	0
	.section .note.GNU-stack,"",%progbits
