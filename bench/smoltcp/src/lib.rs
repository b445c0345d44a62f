//! smoltcp under the benchmarks' work: what ../stack.h wants of a stack, as functions for C.
//!
//! Everything that is not given to it (congestion control: none, delayed ACKs of 10 ms) is smoltcp's default.

use std::ffi::{c_char, c_void};
use std::hint::black_box;
use std::ptr::{addr_of_mut, null_mut};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

const PORT: u16 = 80;
const FRAME_BYTES: usize = 1514;

/// As in Cargo.toml.
const NAME: &[u8] = b"smoltcp 0.14.0\0";

extern "C" {
    fn hook_length() -> u32;
    fn hook_receive(context: *mut c_void, frame: *mut u8, room: u32) -> u32;
    fn hook_send(context: *mut c_void, frame: *const u8, length: u32);
    fn work_now(context: *mut c_void) -> u32;
    fn work_fail(what: *const c_char) -> !;
}

/// The device's end of the wire, with the memory that a network chip would write to and read from.
struct Wire {
    received: [u8; FRAME_BYTES],
    sent: [u8; FRAME_BYTES],
}

struct Received<'a>(&'a [u8]);
struct Sent<'a>(&'a mut [u8; FRAME_BYTES]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let result = fill(&mut self.0[..length]);
        unsafe { hook_send(null_mut(), self.0.as_ptr(), length as u32) };
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sent<'_>)> {
        if unsafe { hook_length() } == 0 {
            return None;
        }
        let room = self.received.len();
        let length = unsafe { hook_receive(null_mut(), self.received.as_mut_ptr(), room as u32) };
        Some((
            Received(&self.received[..length as usize]),
            Sent(&mut self.sent),
        ))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

/// Where the application is with a socket. One that is closed listens again: that is how smoltcp accepts.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Listening,
    Accepted,
    Closing,
}

struct Stack {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<(SocketHandle, Phase)>,
}

/// The program has one thread.
static mut STACK: Option<Stack> = None;

fn stack() -> &'static mut Stack {
    match unsafe { (*addr_of_mut!(STACK)).as_mut() } {
        Some(stack) => stack,
        None => fail(b"not booted\0"),
    }
}

fn fail(what: &'static [u8]) -> ! {
    unsafe { work_fail(what.as_ptr().cast()) }
}

fn now() -> Instant {
    Instant::from_millis(i64::from(unsafe { work_now(null_mut()) }))
}

impl Stack {
    fn socket(&mut self, number: i32) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handles[number as usize - 1].0)
    }
}

fn listen(socket: &mut Socket) {
    if socket.listen(PORT).is_err() {
        fail(b"listen\0");
    }
}

#[no_mangle]
pub extern "C" fn stack_name() -> *const c_char {
    NAME.as_ptr().cast()
}

#[no_mangle]
pub extern "C" fn stack_boot(connections: u32, ring_bytes: u32) {
    let mut wire = Wire {
        received: [0; FRAME_BYTES],
        sent: [0; FRAME_BYTES],
    };
    let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress([
        2, 0, 0, 0, 0, 2,
    ])));
    config.random_seed = 0x0102_0304_0506_0708;
    let mut interface = Interface::new(config, &mut wire, now());
    interface.update_ip_addrs(|addresses| {
        if addresses
            .push(IpCidr::new(IpAddress::v4(10, 0, 0, 2), 24))
            .is_err()
        {
            fail(b"address\0");
        }
    });
    let storage = (0..connections)
        .map(|_| Default::default())
        .collect::<Vec<_>>();
    // Lives as long as the program.
    let mut sockets = SocketSet::new(Box::leak(storage.into_boxed_slice()));
    let ring = || {
        SocketBuffer::new(
            Box::leak(vec![0_u8; ring_bytes as usize].into_boxed_slice()) as &'static mut [u8],
        )
    };
    let mut handles = Vec::new();
    for _ in 0..connections {
        let mut socket = Socket::new(ring(), ring());
        listen(&mut socket);
        handles.push((sockets.add(socket), Phase::Listening));
    }
    unsafe {
        *addr_of_mut!(STACK) = Some(Stack {
            wire,
            interface,
            sockets,
            handles,
        })
    };
}

#[no_mangle]
pub extern "C" fn stack_stop() {
    unsafe { *addr_of_mut!(STACK) = None };
}

#[no_mangle]
pub extern "C" fn stack_no_delay(socket: i32) {
    stack().socket(socket).set_nagle_enabled(false);
}

#[no_mangle]
pub extern "C" fn measured_poll() {
    let stack = stack();
    stack
        .interface
        .poll(now(), &mut stack.wire, &mut stack.sockets);
    for (handle, phase) in &mut stack.handles {
        if *phase == Phase::Closing {
            let socket = stack.sockets.get_mut::<Socket>(*handle);
            if socket.state() == State::Closed {
                listen(socket);
                *phase = Phase::Listening;
            }
        }
    }
}

#[no_mangle]
pub extern "C" fn measured_accept() -> i32 {
    let stack = stack();
    for (index, (handle, phase)) in stack.handles.iter_mut().enumerate() {
        if *phase == Phase::Listening && stack.sockets.get::<Socket>(*handle).may_send() {
            *phase = Phase::Accepted;
            return index as i32 + 1;
        }
    }
    0
}

/// # Safety
/// There is room for `bytes` bytes at `to`.
#[no_mangle]
pub unsafe extern "C" fn measured_read(socket: i32, to: *mut u8, bytes: u32) -> i32 {
    let room = std::slice::from_raw_parts_mut(to, bytes as usize);
    match stack().socket(socket).recv_slice(room) {
        Ok(0) => -1,
        Ok(count) => count as i32,
        Err(RecvError::Finished) => 0,
        Err(RecvError::InvalidState) => fail(b"read\0"),
    }
}

/// # Safety
/// There are `bytes` bytes at `from`.
#[no_mangle]
pub unsafe extern "C" fn measured_write(socket: i32, from: *const u8, bytes: u32) -> i32 {
    let data = std::slice::from_raw_parts(from, bytes as usize);
    match stack().socket(socket).send_slice(data) {
        Ok(count) => count as i32,
        Err(_) => fail(b"write\0"),
    }
}

#[no_mangle]
pub extern "C" fn measured_close(socket: i32) {
    let stack = stack();
    stack.socket(socket).close();
    stack.handles[socket as usize - 1].1 = Phase::Closing;
}

/// There are no events in smoltcp: an application looks at its sockets.
#[no_mangle]
pub extern "C" fn measured_events() {
    let stack = stack();
    for (handle, phase) in &stack.handles {
        if *phase == Phase::Accepted {
            let socket = stack.sockets.get::<Socket>(*handle);
            black_box(socket.can_recv() || !socket.may_recv());
        }
    }
}

#[no_mangle]
pub extern "C" fn measured_deadline() -> i32 {
    let stack = stack();
    match stack.interface.poll_delay(now(), &stack.sockets) {
        Some(delay) => delay.total_millis() as i32,
        None => -1,
    }
}
