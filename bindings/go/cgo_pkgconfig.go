//go:build engine_pkgconfig

package engine

// #cgo pkg-config: engine
import "C"
