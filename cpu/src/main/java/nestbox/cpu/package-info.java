/// Filled by the module's first classes.
package nestbox.cpu;
