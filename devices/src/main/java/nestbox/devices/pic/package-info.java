/// The PC's first interrupt controllers.
package nestbox.devices.pic;
