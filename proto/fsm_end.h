/* At the foot of each machine's *.def: whoever includes it next defines its lists anew. */
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
