/// What the devices of a board share: its address map and the manners of its buses.
package nestbox.devices;
