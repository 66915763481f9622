# Kriging by gstat and data of R packages, for the quality runs. Usage: Rscript gstat.R COMMAND ...
#   version
#   data NAME OUT.csv                      sic_train, sic_test, meuse, pm10, jura_pred, jura_val, sic97_obs, sic97_full
#   krige TRAIN.csv TARGETS.csv OUT.csv MODEL NUGGET PSILL RANGE NMAX ANGLE RATIO
#   leave TRAIN.csv OUT.csv MODEL NUGGET PSILL RANGE NMAX ANGLE RATIO
#   fit TRAIN.csv OUT.csv                  gstat's own automatic variogram: fit.variogram with its default guesses
# Tables have columns x, y in metres and z; a column day cuts TRAIN into tables that are left out on their own.
suppressPackageStartupMessages({ library(sp); library(gstat) })
arguments <- commandArgs(TRUE)

table_of <- function(path) { it <- read.csv(path); coordinates(it) <- ~ x + y; it }
write_table <- function(it, path) write.csv(it, path, row.names = FALSE)
asked <- function(words) {   # MODEL NUGGET PSILL RANGE NMAX ANGLE RATIO
  n <- as.numeric(words[-1])
  list(model = vgm(n[2], words[1], n[3], nugget = n[1], anis = c(n[5], n[6])), nmax = n[4])
}

if (arguments[1] == "version") {
  cat(as.character(packageVersion("gstat")), R.version$version.string)
} else if (arguments[1] == "data") {
  at <- function(it, name) { p <- coordinates(it); data.frame(x = p[, 1], y = p[, 2], z = it[[name]]) }
  name <- arguments[2]
  if (startsWith(name, "sic_")) {
    data(sic2004)
    it <- if (name == "sic_train") sic.val else sic.test
    it <- data.frame(x = it$x, y = it$y, z = it$dayx, joker = it$joker)
  } else if (name == "meuse") {
    data(meuse); it <- data.frame(x = meuse$x, y = meuse$y, z = meuse$zinc)
  } else if (startsWith(name, "jura")) {
    data(jura)
    it <- if (name == "jura_pred") jura.pred else jura.val
    it <- data.frame(x = 1000 * it$Xloc, y = 1000 * it$Yloc, z = it$Ni)
  } else if (startsWith(name, "sic97")) {
    data(sic97); it <- at(if (name == "sic97_obs") sic_obs else sic_full, "rainfall")
  } else {
    library(spacetime); data(air)
    xy <- sf::sf_project("EPSG:4326", "EPSG:32632", coordinates(stations))
    year <- which(format(dates, "%Y") == "2005")
    it <- do.call(rbind, lapply(year, function(d) data.frame(day = d, x = xy[, 1], y = xy[, 2], z = air[, d])))
    it <- it[!is.na(it$z), ]
  }
  write_table(it, arguments[3])
} else if (arguments[1] == "krige") {
  by <- asked(arguments[5:11])
  found <- krige(z ~ 1, table_of(arguments[2]), table_of(arguments[3]), by$model, nmax = by$nmax, debug.level = 0)
  write_table(data.frame(value = found$var1.pred, variance = found$var1.var), arguments[4])
} else if (arguments[1] == "leave") {
  by <- asked(arguments[4:10])
  given <- read.csv(arguments[2])
  if (is.null(given$day)) given$day <- 0
  found <- lapply(split(given, given$day), function(part) {
    coordinates(part) <- ~ x + y
    left <- krige.cv(z ~ 1, part, by$model, nmax = by$nmax, verbose = FALSE, debug.level = 0)
    data.frame(value = left$var1.pred, variance = left$var1.var)
  })
  write_table(do.call(rbind, found), arguments[3])
} else {
  given <- table_of(arguments[2])
  seen <- variogram(z ~ 1, given)
  best <- fit.variogram(seen, vgm(c("Exp", "Sph")))
  nugget <- if (best$model[1] == "Nug") best$psill[1] else 0
  last <- nrow(best)
  write_table(data.frame(model = as.character(best$model[last]), nugget = nugget, psill = best$psill[last],
                         range = best$range[last]), arguments[3])
}
