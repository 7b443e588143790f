//go:build !engine_pkgconfig

package engine

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo LDFLAGS: -L${SRCDIR}/../lib -lengine -Wl,-rpath,${SRCDIR}/../lib -Wl,-rpath,$ORIGIN -Wl,-rpath,$ORIGIN/../lib
import "C"
