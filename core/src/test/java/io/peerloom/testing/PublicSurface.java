package io.peerloom.testing;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a module promises: the public and protected types and members of its exported packages, one
 * a line, sorted. Members that a type has from a superclass that is not public are its own here.
 */
public final class PublicSurface {

    /** Set to write the file instead of comparing with it. */
    private static final String WRITE = "peerloom.api.write";

    private PublicSurface() {}

    /**
     * Compares a module's surface with its file, or writes the file.
     *
     * @param any a class of the module
     * @param file the file
     * @return the surface, and what the file has; equal if nothing has changed
     */
    public static List<List<String>> compare(Class<?> any, Path file) throws IOException {
        List<String> now = of(any);
        if (Boolean.getBoolean(WRITE)) {
            Files.write(file, now);
        }
        return List.of(now, Files.exists(file) ? Files.readAllLines(file) : List.of());
    }

    private static List<String> of(Class<?> any) throws IOException {
        Path classes;
        try {
            classes = Path.of(any.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
        Set<String> packages;
        try (InputStream module = Files.newInputStream(classes.resolve("module-info.class"))) {
            packages =
                    ModuleDescriptor.read(module).exports().stream()
                            .filter(exported -> !exported.isQualified())
                            .map(ModuleDescriptor.Exports::source)
                            .collect(Collectors.toCollection(TreeSet::new));
        }
        var lines = new ArrayList<String>();
        for (String each : packages) {
            Path folder = classes.resolve(each.replace('.', '/'));
            try (Stream<Path> files = Files.list(folder)) {
                List<String> names =
                        files.map(file -> file.getFileName().toString())
                                .filter(name -> name.endsWith(".class"))
                                .map(name -> each + '.' + name.replace(".class", ""))
                                .filter(name -> !name.endsWith("-info"))
                                .sorted()
                                .toList();
                for (String name : names) {
                    Class<?> type = load(any, name);
                    if (isVisible(type)) {
                        lines.add(head(type));
                        members(type).forEach(member -> lines.add("    " + member));
                    }
                }
            }
        }
        return lines;
    }

    private static Class<?> load(Class<?> any, String name) {
        try {
            return Class.forName(name, false, any.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new LinkageError(name, e);
        }
    }

    private static boolean isPromised(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static boolean isVisible(Class<?> type) {
        return !type.isAnonymousClass()
                && !type.isLocalClass()
                && isPromised(type.getModifiers())
                && (type.getDeclaringClass() == null || isVisible(type.getDeclaringClass()));
    }

    private static String head(Class<?> type) {
        int modifiers = type.getModifiers();
        var head = new StringBuilder(Modifier.isPublic(modifiers) ? "public " : "protected ");
        if (Modifier.isAbstract(modifiers) && !type.isInterface()) {
            head.append("abstract ");
        }
        if (type.isSealed()) {
            head.append("sealed ");
        } else if (Modifier.isFinal(modifiers) && !type.isEnum() && !type.isRecord()) {
            head.append("final ");
        }
        head.append(
                type.isEnum()
                        ? "enum "
                        : type.isRecord()
                                ? "record "
                                : type.isInterface() ? "interface " : "class ");
        head.append(type.getName());
        Type parent = type.getGenericSuperclass();
        if (parent != null && parent != Object.class && !type.isEnum() && !type.isRecord()) {
            Class<?> above = type.getSuperclass();
            while (!isVisible(above)) {
                above = above.getSuperclass();
            }
            if (above != Object.class) {
                head.append(" extends ").append(above.getName());
            }
        }
        var interfaces = new TreeSet<String>();
        for (Class<?> from = type; from != null && (from == type || !isVisible(from)); ) {
            for (Type one : from.getGenericInterfaces()) {
                interfaces.add(one.getTypeName());
            }
            from = from.getSuperclass();
        }
        if (!interfaces.isEmpty()) {
            head.append(" implements ").append(String.join(", ", interfaces));
        }
        return head.toString();
    }

    private static Set<String> members(Class<?> type) {
        var members = new TreeSet<String>();
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (isPromised(constructor.getModifiers()) && !type.isEnum()) {
                members.add(line(type, constructor, type.getSimpleName()));
            }
        }
        for (Class<?> from = type; from != null && (from == type || !isVisible(from)); ) {
            for (Field field : from.getDeclaredFields()) {
                if (isMember(type, field)) {
                    members.add(
                            modifiers(type, field)
                                    + field.getGenericType().getTypeName()
                                    + ' '
                                    + field.getName());
                }
            }
            for (Method method : from.getDeclaredMethods()) {
                if (isMember(type, method) && !method.isBridge() && !isOfEnums(method)) {
                    members.add(line(type, method, method.getName()));
                }
            }
            from = from.getSuperclass();
        }
        return members;
    }

    private static boolean isMember(Class<?> type, Member member) {
        return isPromised(member.getModifiers())
                && !member.isSynthetic()
                && !(Modifier.isProtected(member.getModifiers())
                        && Modifier.isFinal(type.getModifiers()));
    }

    private static boolean isOfEnums(Method method) {
        return method.getDeclaringClass().isEnum()
                && Modifier.isStatic(method.getModifiers())
                && Set.of("values", "valueOf").contains(method.getName());
    }

    private static String modifiers(Class<?> type, Member member) {
        int kept = Modifier.PUBLIC | Modifier.PROTECTED | Modifier.STATIC;
        if (!type.isInterface()) {
            kept |= Modifier.ABSTRACT;
        }
        if (!Modifier.isFinal(type.getModifiers()) || member instanceof Field) {
            kept |= Modifier.FINAL;
        }
        boolean byDefault = member instanceof Method method && method.isDefault();
        String text = Modifier.toString(member.getModifiers() & kept);
        return text + (byDefault ? " default " : " ");
    }

    private static String line(Class<?> type, Executable member, String name) {
        var line = new StringBuilder(modifiers(type, member));
        if (member.getTypeParameters().length > 0) {
            line.append(
                    Stream.of(member.getTypeParameters())
                            .map(Type::getTypeName)
                            .collect(Collectors.joining(", ", "<", "> ")));
        }
        if (member instanceof Method method) {
            line.append(method.getGenericReturnType().getTypeName()).append(' ');
        }
        line.append(name);
        line.append(
                Stream.of(member.getGenericParameterTypes())
                        .map(Type::getTypeName)
                        .collect(Collectors.joining(", ", "(", ")")));
        if (member.getExceptionTypes().length > 0) {
            line.append(
                    Stream.of(member.getGenericExceptionTypes())
                            .map(Type::getTypeName)
                            .collect(Collectors.joining(", ", " throws ", "")));
        }
        return line.toString();
    }
}
